export { writeFileAtomic, writeFilesAtomic } from './atomic.ts'
export type { FileToWrite } from './atomic.ts'
export { canonicalJson } from './canonical-json.ts'
export { differences } from './differences.ts'
export { detailOf, InputError, isInputError } from './input-error.ts'
export {
  exists,
  jsonLines,
  makeFolderOf,
  readJson,
  readJsonLines,
  requireNew,
  requirePath,
  writeNew,
} from './files.ts'
export { hashBytes, hashFile, hashOf } from './hash.ts'
export {
  nearest,
  pickOptions,
  refuseUnknownNames,
  refuseUnknownOptions,
  remedyForName,
  type OptionNames,
} from './known-options.ts'
export { openJournal } from './journal.ts'
export type { Journal, JournalOptions } from './journal.ts'
export {
  asJournalLine,
  journalHeaderLine,
  journalLine,
  parseJournalLine,
  readJournalHeader,
  startsLikeJournal,
} from './journal-line.ts'
export type { JournalLine } from './journal-line.ts'
export { eachJournalLine, readJournal } from './journal-read.ts'
export type { JournalContent, JournalEntry, JournalSummary } from './journal-read.ts'
export { acquireLock } from './lock.ts'
export type { Lock, LockOptions } from './lock.ts'
export { openRunDirectory } from './run-directory.ts'
export type { Manifest, RunDirectory, RunDirectoryOptions } from './run-directory.ts'
export { runStage } from './run-stage.ts'
export type { StageRecord } from './run-stage.ts'
