/**
 * What the user gave is wrong: data without a needed field, an unknown name, weights that say nothing. `code` is that of
 * the `InputError` of `@lever/durable-files`, which this package cannot import; `isInputError` there knows both.
 */
export function inputError(detail: string): Error & { code: 'LEVER_INPUT'; detail: string } {
  const error = new Error(`reward-utils: ${detail}`)
  return Object.assign(error, { name: 'InputError', code: 'LEVER_INPUT' as const, detail })
}
