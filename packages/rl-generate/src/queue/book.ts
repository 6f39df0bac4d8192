import { createHash } from 'node:crypto'
import type { Answer } from '../measure/types.ts'

/** Which jobs are under way, which prompt is in which, and what was answered. */
export interface Book {
  /** The answer to a prompt that is in a job. */
  find(key: string): Promise<Answer> | undefined
  /** Notes a job that was submitted, now or before an interruption. */
  open(id: string, keys: readonly string[]): void
  has(id: string): boolean
  /** Jobs without an answer. */
  unanswered(): readonly string[]
  isUnanswered(id: string): boolean
  /**
   * Takes the answers to a job. Answers that came before from another worker are compared; they
   * count once. False when it was told so before, or when nobody waits for the job.
   *
   * @throws Error naming the job when they are not one per prompt
   */
  settle(id: string, answers: readonly Answer[], from: 'queue' | 'late'): boolean
  /** Its prompts get no answer in this run: who waits for them gets a transient failure each. */
  giveUp(id: string, why: string): void
  /** These prompts are in the journal; returns the jobs that nobody needs any more. */
  recorded(keys: readonly string[]): string[]
  readonly counts: { readonly repeated: number; readonly disagreements: number }
}

interface Entry {
  readonly job: OpenJob
  readonly answer: Promise<Answer>
  readonly resolve: (answer: Answer) => void
}

interface OpenJob {
  readonly id: string
  readonly keys: readonly string[]
  unrecorded: number
  answered: boolean
}

export function createBook(): Book {
  const jobs = new Map<string, OpenJob>()
  const entries = new Map<string, Entry>()
  const seen = new Map<string, { digest: Uint32Array; queue: boolean }>()
  const counts = { repeated: 0, disagreements: 0 }

  const compare = (known: Uint32Array, answers: readonly Answer[]): void => {
    counts.repeated += answers.length
    counts.disagreements += digestOf(answers).filter((value, i) => value !== known[i]).length
  }

  return {
    counts,
    find: (key) => entries.get(key)?.answer,
    has: (id) => jobs.has(id),
    isUnanswered: (id) => jobs.get(id)?.answered === false,
    unanswered: () => [...jobs.values()].filter(({ answered }) => !answered).map(({ id }) => id),
    open(id, keys) {
      const fresh = keys.filter((key) => !entries.has(key))
      const job = { id, keys, unrecorded: fresh.length, answered: false }
      jobs.set(id, job)
      seen.delete(id)
      for (const key of fresh) entries.set(key, entryOf(job))
    },
    settle(id, answers, from) {
      const before = seen.get(id)
      if (before !== undefined) {
        checkCount(id, answers, before.digest.length)
        if (from === 'queue' && before.queue) return false
        compare(before.digest, answers)
        if (from === 'queue') before.queue = true
        return true
      }
      const job = jobs.get(id)
      if (job === undefined) return false
      checkCount(id, answers, job.keys.length)
      job.answered = true
      seen.set(id, { digest: digestOf(answers), queue: from === 'queue' })
      job.keys.forEach((key, i) => entries.get(key)?.resolve(answers[i]!))
      return true
    },
    giveUp(id, why) {
      const job = jobs.get(id)
      if (job === undefined) return
      jobs.delete(id)
      for (const key of job.keys) {
        const entry = entries.get(key)
        if (entry?.job !== job) continue
        entries.delete(key)
        entry.resolve({ text: '', error: why, kind: 'transient' })
      }
    },
    recorded(keys) {
      const done: string[] = []
      for (const key of keys) {
        const entry = entries.get(key)
        if (entry === undefined) continue
        entries.delete(key)
        entry.job.unrecorded -= 1
        if (entry.job.unrecorded > 0) continue
        jobs.delete(entry.job.id)
        done.push(entry.job.id)
      }
      return done
    },
  }
}

function checkCount(id: string, { length }: readonly Answer[], wanted: number): void {
  if (length === wanted) return
  throw new Error(`rl-generate: job ${id} of the queue came back with ${length} answers to ${wanted} prompts`)
}

function entryOf(job: OpenJob): Entry {
  let resolve: Entry['resolve'] = () => undefined
  const answer = new Promise<Answer>((done) => (resolve = done))
  return { job, answer, resolve }
}

/** Four bytes per answer, to notice that another worker answered something else. */
function digestOf(answers: readonly Answer[]): Uint32Array {
  return Uint32Array.from(answers, ({ text, error }) =>
    createHash('sha256')
      .update(error === undefined ? text : `\0${error}`)
      .digest()
      .readUInt32LE(0),
  )
}
