export { measureByQueue, type QueueMeasureEvent, type QueueMeasureOptions } from './queue/measure.ts'
export { openAnswerQueue, type AnswerQueue, type Fleet, type SubmitOptions } from './queue/submit.ts'
export { runQueueWorker, type QueueWorkerOptions, type WorkerReport } from './queue/work.ts'
export type { QueueExample, QueuePrompt, QueueProtocol } from './queue/job.ts'
