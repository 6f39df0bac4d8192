import { formatTable } from '@lever/terminal'
import type { Improved } from './types.ts'

/** What the rounds of a run measured and ended with, as text. */
export function formatImproved({ rounds, rlData, journal, checkpoint }: Improved): string {
  const percent = (value: number | null): string => (value === null ? '-' : (100 * value).toFixed(1))
  return [
    formatTable([
      ['round', 'outcomes', "reward of the policy's best", 'of explored ones', 'checkpoint chooses by'],
      ...rounds.map(({ round, outcomes, proposed, explored, chosen }) => [
        String(round),
        String(outcomes),
        percent(proposed),
        percent(explored),
        chosen,
      ]),
    ]),
    '',
    `measured: ${rlData} (journal ${journal})`,
    `checkpoint: ${checkpoint}`,
  ].join('\n')
}
