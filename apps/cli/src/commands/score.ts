import { InputError } from '@lever/durable-files'
import { SCORE_MODES } from '@lever/vqa-eval'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { choice, flag, number, text } from '../options.ts'

export const score: Command = defineCommand({
  describe: 'Official VQA accuracy of a results file.',
  example: 'lever score --annotations annotations.json --results results.json',
  options: {
    annotations: text('official annotation file', { required: true, aliases: ['ann-path', 'val-ann-path'] }),
    results: text('results: JSON array or JSONL of {question_id, answer}', { required: true }),
    questions: text('official questions file; does not change the accuracy', { aliases: ['val-ques-path'] }),
    mode: choice('how an answer is scored', SCORE_MODES, { default: 'official' }),
    'allow-fallback': flag('permit mode fallback, a string match that is not the official metric'),
    'allow-partial': flag('score what both files have, and say how much that is'),
    ids: text('file with the question ids to score'),
    'image-ids': text('file with image ids; only their questions are scored'),
    sample: number('score a random sample of so many questions', { min: 1, whole: true }),
    seed: number('seed of the sample', { default: 0, min: 0, whole: true }),
    'per-question': text('write one JSON line per question to this new file'),
    diff: text('another results file to compare with'),
  },
  async run(options, { progress }) {
    const { annotations, results, questions, diff, ids, imageIds, perQuestion, mode, sample, seed } = options
    const inputs = { annotations, results, questions, diff, ids, 'image-ids': imageIds }
    for (const [flag, path] of Object.entries(inputs)) {
      if (path !== undefined) await requirePath(path, `--${flag}`)
    }
    if (perQuestion !== undefined) await requireNew(perQuestion, '--per-question')
    const { formatComparison, formatEvaluation, evaluationJson, perQuestionLines } =
      await import('@lever/vqa-eval')
    const { readIds, scoreFiles } = await import('@lever/vqa-eval/node')
    if (ids !== undefined && sample !== undefined) {
      throw new InputError('--ids and --sample are two ways to choose questions; give one')
    }
    const stages = new Map<string, ReturnType<typeof progress.stage>>()
    const { evaluation, comparison } = await scoreFiles({
      annotations,
      results,
      mode,
      allowFallback: options.allowFallback,
      allowPartial: options.allowPartial,
      ...(questions !== undefined && { questions }),
      ...(diff !== undefined && { diff }),
      ...((ids !== undefined || imageIds !== undefined || sample !== undefined) && {
        subset: {
          ...(ids !== undefined && { questionIds: await readIds(ids) }),
          ...(imageIds !== undefined && { imageIds: await readIds(imageIds) }),
          ...(sample !== undefined && { sample: { n: sample, seed } }),
        },
      }),
      onProgress({ path, bytesRead, bytesTotal }) {
        const stage =
          stages.get(path) ?? progress.stage(`reading ${path}`, { total: bytesTotal, unit: 'bytes' })
        stages.set(path, stage)
        stage.update(bytesRead)
      },
    })
    if (perQuestion !== undefined) {
      await writeNew(perQuestion, [...perQuestionLines(evaluation)].join(''), '--per-question')
    }
    return {
      json: evaluationJson(evaluation, comparison),
      text: formatEvaluation(evaluation) + (comparison === null ? '' : `\n${formatComparison(comparison)}`),
    }
  },
})
