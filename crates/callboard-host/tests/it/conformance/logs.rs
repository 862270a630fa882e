//! What a session has printed.

use callboard_host::LogPolicy;
use callboard_host::log::LogQuery;

use crate::world::World;

pub(super) fn logs_by_lines_by_time_and_in_colour(world: &World) {
    let mut spec =
        world.spec(&["sh", "-c", "seq 1 5000; printf '\\033[31mred\\033[m\\n'; echo end; cat"]);
    spec.log = LogPolicy { bytes: 2000, files: 4 };
    let session = world.host.spawn(&spec).unwrap();
    world.wait_for(&session.id, "end");
    let read = |query: LogQuery| {
        let log = world.host.logs(&session.id, &query).unwrap().read_to_end().unwrap();
        String::from_utf8(log).unwrap()
    };
    assert_eq!(read(LogQuery { last: Some(3), ..LogQuery::default() }), "5000\nred\nend\n");
    let coloured = read(LogQuery { last: Some(2), colour: true, ..LogQuery::default() });
    assert_eq!(coloured, "\x1b[31mred\x1b[m\nend\n");
    let all = read(LogQuery::default());
    let first: u32 = all.lines().next().unwrap().parse().unwrap();
    assert!(first > 1 && all.lines().count() as u32 == 5000 - first + 1 + 2, "{first}");
    assert_eq!(read(LogQuery { since: Some(u64::MAX / 2), ..LogQuery::default() }), "");
    let recent = read(LogQuery { since: Some(session.started_at), ..LogQuery::default() });
    assert_eq!(recent, all);
    let files = world.host.log(&session.id).unwrap().files();
    assert!(files.len() <= 4 && files.len() > 1, "{files:?}");
}
