export { InputError, isInputError } from '@lever/durable-files'
export { startServer, type RunningServer, type StartOptions } from './start.ts'
export type { ServerSettings } from './settings.ts'
