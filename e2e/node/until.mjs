// until calls ask until the answer satisfies done, because runs continue in the background.
// It fails after ten seconds.
export async function until(ask, done) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still not so after 10 s: ${JSON.stringify(answer)}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}
