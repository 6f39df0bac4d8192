/** Flags of every command. */
export const commonOptions = {
  config: { type: 'text', about: 'YAML file with options; flags override it' },
  json: { type: 'flag', about: 'print the result as one JSON object' },
  quiet: { type: 'flag', about: 'print no progress and no warnings' },
  debug: { type: 'flag', about: 'print the stack trace of an error' },
} as const
