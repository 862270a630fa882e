// Written by `callboard hooks install opencode`; `callboard hooks uninstall opencode` removes it.
// Tells Callboard whether a session is busy, idle or waiting, and nothing of what is said in it.
import { spawn } from "node:child_process";

const program = "@PROGRAM@";

export const Callboard = async ({ directory }) => {
  const children = new Set(); // sessions of sub-agents: part of another session
  const asked = new Map(); // what is open, by session: its status stays "busy" meanwhile
  const told = new Map(); // what was told last, by session

  const tell = (session, event, status) => {
    const words = status ? `${event} ${status}` : event;
    if (told.get(session) === words) return;
    told.set(session, words);
    const note = {
      session_id: session,
      hook_event_name: event,
      status,
      cwd: directory,
      timestamp: Date.now(),
    };
    try {
      const hook = spawn(program, ["hook", "opencode"], { stdio: ["pipe", "ignore", "ignore"] });
      hook.on("error", () => {});
      hook.stdin.on("error", () => {});
      hook.stdin.end(JSON.stringify(note));
    } catch {}
  };

  // Before its first prompt a process has no session, and no event tells that it rests.
  tell(undefined, "plugin.loaded");

  return {
    event: async ({ event }) => {
      const about = event.properties ?? {};
      const session = about.sessionID ?? about.info?.id;
      // Messages have parents too.
      if (event.type.startsWith("session.") && about.info?.parentID) children.add(session);
      if (!session || children.has(session)) return;
      const open = asked.get(session) ?? new Set();
      switch (event.type) {
        case "session.created":
        case "session.deleted":
          tell(session, event.type);
          break;
        case "session.status":
          if (about.status?.type === "idle") asked.delete(session);
          else if (open.size > 0) break;
          tell(session, event.type, about.status?.type);
          break;
        case "permission.asked":
        case "question.asked":
          asked.set(session, open.add(about.id));
          tell(session, event.type);
          break;
        case "permission.replied":
        case "question.replied":
        case "question.rejected":
          open.delete(about.requestID ?? about.permissionID);
          if (open.size === 0) tell(session, event.type);
          break;
      }
    },
  };
};
