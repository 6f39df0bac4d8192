/**
 * The short answer at the start of what a model generated, as the original project cuts it: everything before the
 * first "Question", "Answer" or "Short" (also inside a longer word), then everything before the first ", ".
 */
export function postprocessGeneration(text: string): string {
  const answer = text.split(/Question|Answer|Short/, 1)[0]!
  return answer.split(', ', 1)[0]!
}
