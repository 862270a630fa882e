//! The service, asked over a real connection.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use super::*;

/// A request with a shell on offer, and the connection on which the answer comes.
fn ask(model: &Model, path: &str, body: &Value) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(model.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    BufReader::new(stream)
}

/// Reads until a line has the text.
fn until(answer: &mut BufReader<TcpStream>, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        assert!(answer.read_line(&mut read).unwrap() > 0, "no {text:?} in {read}");
    }
    read
}

/// The same question in each of the four ways, with the event that ends the answer.
fn questions(prompt: &str) -> [(&'static str, Value, &'static str); 4] {
    let schema = json!({ "type": "object", "properties": { "command": { "type": "string" } } });
    let said = json!([{ "role": "user", "content": prompt }]);
    let declared = json!({ "name": "run_shell_command", "parametersJsonSchema": schema });
    [
        (
            "/v1/messages?beta=true",
            json!({ "stream": true, "messages": said,
                    "tools": [{ "name": "Bash", "input_schema": schema }] }),
            "message_stop",
        ),
        (
            "/v1/responses",
            json!({ "stream": true, "input": said,
                    "tools": [{ "type": "function", "name": "shell", "parameters": schema }] }),
            "response.completed",
        ),
        (
            "/v1/chat/completions",
            json!({ "stream": true, "messages": said, "tools":
                    [{ "type": "function", "function": { "name": "bash", "parameters": schema } }] }),
            "[DONE]",
        ),
        (
            "/v1beta/models/stand-in:streamGenerateContent?alt=sse",
            json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }],
                    "tools": [{ "functionDeclarations": [declared] }] }),
            "STOP",
        ),
    ]
}

fn model() -> Model {
    Model::start(Box::new(std::io::sink())).unwrap()
}

#[test]
fn an_answer_comes_in_the_pieces_in_which_it_is_released() {
    let model = model();
    for (path, body, end) in questions("word-1") {
        model.expect("word-1", false);
        let mut answer = ask(&model, path, &body);
        let asked = model.asked(Duration::from_secs(10)).unwrap();
        asked.say("first piece").unwrap();
        // The rest is not sent before this line was read.
        assert!(!until(&mut answer, "first piece").contains("second"), "{path}");
        asked.finish("second piece").unwrap();
        assert!(until(&mut answer, end).contains("second piece"), "{path}");
        // One was waited for; the next like it is the agent's own business.
        until(&mut ask(&model, path, &body), ASIDE);
    }
}

#[test]
fn a_command_is_asked_for_in_each_way_and_its_result_is_told_from_a_prompt() {
    let model = model();
    let results = [
        json!({ "role": "user", "content": [{ "type": "tool_result", "content": "word-2" }] }),
        json!({ "type": "function_call_output", "output": "word-2" }),
        json!({ "role": "tool", "content": "word-2" }),
        json!({ "role": "user", "parts": [{ "functionResponse": { "name": "word-2" } }] }),
    ];
    for ((path, mut body, end), result) in questions("word-2").into_iter().zip(results) {
        model.expect("word-2", false);
        let mut answer = ask(&model, path, &body);
        let asked = model.asked(Duration::from_secs(10)).unwrap();
        asked.call("touch here").unwrap();
        assert!(until(&mut answer, end).contains("touch here"), "{path}");
        model.expect("word-2", true);
        // The prompt again does not count; it is answered at once.
        until(&mut ask(&model, path, &body), ASIDE);
        for conversation in ["messages", "input", "contents"] {
            if let Some(said) = body[conversation].as_array_mut() {
                said.push(result.clone());
            }
        }
        let mut answer = ask(&model, path, &body);
        let asked = model.asked(Duration::from_secs(10)).unwrap();
        asked.finish("it has run").unwrap();
        until(&mut answer, "it has run");
    }
}

#[test]
fn what_nobody_waits_for_is_answered_at_once() {
    let model = model();
    let (path, body, end) = questions("word-3")[2].clone();
    assert!(until(&mut ask(&model, path, &body), end).contains(ASIDE));
    // One in JSON, where the agent wants to read the answer itself.
    let schema = json!({ "properties": { "model": { "enum": ["flash", "pro"] } } });
    let wanted = json!({ "generationConfig": { "responseJsonSchema": schema } });
    let path = "/v1beta/models/stand-in:generateContent";
    assert!(until(&mut ask(&model, path, &wanted), "flash").contains("200 OK"));
    until(&mut ask(&model, "/v1/messages/count_tokens", &json!({})), "input_tokens");
}
