// Written by `callboard hooks install pi`; `callboard hooks uninstall pi` removes it.
// Tells Callboard whether the session is busy or idle, and nothing of what is said in it.
import { spawn, spawnSync } from "node:child_process";

const program = "@PROGRAM@";

export default function (pi) {
  const tell = (event) => async (about, ctx) => {
    const note = JSON.stringify({
      session_id: ctx?.sessionManager?.getSessionId?.(),
      hook_event_name: event,
      reason: about?.reason,
      transcript_path: ctx?.sessionManager?.getSessionFile?.(),
      cwd: ctx?.sessionManager?.getCwd?.() ?? process.cwd(),
      timestamp: Date.now(),
    });
    try {
      if (event === "session_shutdown") {
        // Nothing that is started now would be waited for.
        spawnSync(program, ["hook", "pi"], { input: note, stdio: ["pipe", "ignore", "ignore"], timeout: 1000 });
        return;
      }
      const hook = spawn(program, ["hook", "pi"], { stdio: ["pipe", "ignore", "ignore"] });
      hook.on("error", () => {});
      hook.stdin.on("error", () => {});
      hook.stdin.end(note);
    } catch {}
  };
  for (const event of ["session_start", "agent_start", "agent_end", "session_shutdown"]) pi.on(event, tell(event));
}
