/** One line on stderr about a step of the set-up; stdout belongs to the command that runs after it. */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** The last lines of a failed command's output, indented. */
export function tail(text, lines = 15) {
  const kept = text.trim().split('\n').slice(-lines);
  return kept.map((line) => `  ${line}`).join('\n');
}

/** The first lines of npm's complaint: the error's kind and what it was about; the rest is advice and usage. */
export function npmComplaint(text, lines = 6) {
  const kept = text.split('\n').filter((line) => /^npm error \S/.test(line));
  return (kept.length ? kept : text.trim().split('\n'))
    .slice(0, lines)
    .map((line) => `  ${line}`)
    .join('\n');
}
