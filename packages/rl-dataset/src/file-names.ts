/** Names of the files in the run directory of a generation: the journal, and the finished RL data. */
export const RL_DATA_FILES = { journal: 'rl-data.jsonl', data: 'rl-data.json' } as const
