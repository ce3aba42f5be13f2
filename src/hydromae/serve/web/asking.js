// Questions to the server. Each has a number; an answer to any but the newest is never shown.

/** `send(path, question)` resolves to the answer, to null where a newer question has been sent, and fails with a sentence. */
function asker() {
  const page = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const token = new URLSearchParams(location.search).get("token");
  let numbers = 0;
  const newest = {}, stop = {};
  return async (path, question) => {
    const number = (newest[path] = ++numbers);
    const address = `${path}${token ? `?token=${encodeURIComponent(token)}` : ""}`;
    stop[path]?.abort();
    stop[path] = new AbortController();
    let answer;
    try {
      const reply = await fetch(address, { method: "POST", signal: stop[path].signal, headers: { "content-type": "application/json" }, body: JSON.stringify({ page, number, ...question }) });
      answer = await reply.json();
    } catch (error) {
      answer = { error: `The server does not answer (${error.message}); is \`hydromae serve\` still running?` };
    }
    if (number !== newest[path] || answer.dropped || (answer.number !== undefined && answer.number !== number)) return null;
    if (answer.error) throw new Error(answer.error);
    return answer;
  };
}
