export { readIds } from './read-ids.ts'
export { readOfficial, type OfficialQuestion, type OfficialQuestions } from './read-official.ts'
export { scoreFiles, type FileScore, type ScoreFilesOptions } from './score-files.ts'
