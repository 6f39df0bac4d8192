import type { GenerationEvent, ProgressEvent } from '@lever/rl-generate'
import type { QueueMeasureEvent } from '@lever/rl-generate/queue'
import type { Context } from '../../command.ts'
import type { Stage } from '@lever/terminal'

/** Time between two lines for scripts, milliseconds. */
const TELL_EVERY_MS = 1_000

/** Shows the events of a generation: to people on a stage, to scripts (`--json`) as objects. */
export function generateReporter({
  stage,
  emit,
  stats,
  now = () => performance.now(),
}: {
  stage: Stage
  emit: Context['emit']
  /** Counts of the model. */
  stats: () => Readonly<Record<string, number>>
  now?: () => number
}): (event: GenerationEvent) => void {
  let told = -Infinity
  let pointers = 0
  let added = false
  let resumed = 0
  return (event) => {
    if (event.type === 'planned') {
      pointers = event.pointers
      return
    }
    if (event.type === 'progress') {
      const counts = 'fleet' in event ? event.fleet.stats : stats()
      const imageHitRate = hitRate(counts['imageCacheHits'], counts['imageEncodes'])
      if (added) stage.expect(resumed + pointers - event.known)
      stage.update(event.outcomes, noteOf(event, imageHitRate))
      const last = event.queriesDone === event.queries
      if (emit === undefined || (now() - told < TELL_EVERY_MS && !last)) return
      told = now()
      const { type, ...rest } = event
      emit({ event: type, ...rest, imageHitRate })
      return
    }
    if (event.type === 'start') {
      resumed = event.resumed
      added = event.plans > 1
      stage.expect(pointers)
      if (resumed > 0) stage.update(resumed, 'continued')
    }
    const { type, ...rest } = event
    if (type !== 'done') emit?.({ event: type, ...rest })
  }
}

function noteOf(
  event: ProgressEvent | (ProgressEvent & QueueMeasureEvent),
  imageHitRate: number | null,
): string {
  const { queriesDone, queries, positives, errors, pending, disagreements, prefixHitRate } = event
  const parts = [`${positives} positive`]
  if (queriesDone > 0) parts.unshift(`${queriesDone} of ${queries} queries complete`)
  if (errors > 0) parts.push(`${errors} failed`)
  if (pending > 0) parts.push(`${pending} to be measured again`)
  if (disagreements > 0) parts.push(`${disagreements} disagree`)
  if (imageHitRate !== null) parts.push(`images ${percent(imageHitRate)} cached`)
  if (prefixHitRate !== null) parts.push(`prefixes ${percent(prefixHitRate)} shared`)
  if ('fleet' in event) {
    const { workers, active, waiting } = event.fleet
    parts.push(`${workers ?? '?'} workers`, `${active + waiting} jobs`)
  }
  return parts.join(', ')
}

function hitRate(hits = 0, misses = 0): number | null {
  return hits + misses > 0 ? hits / (hits + misses) : null
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}
