import { InputError } from '@lever/durable-files'
import { SCORE_MODES } from '@lever/vqa-eval'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'

export const score: Command = defineCommand({
  describe: 'Computes the official VQA accuracy of a results file.',
  example: 'lever score --annotations annotations.json --results results.json',
  options: {
    Data: {
      annotations: {
        type: 'text',
        about: 'annotation file in the official format',
        required: true,
        aliases: ['ann-path', 'val-ann-path'],
      },
      results: {
        type: 'text',
        about: 'results file, a JSON array or JSONL of {question_id, answer}',
        required: true,
      },
      questions: {
        type: 'text',
        about: 'questions file in the official format; does not change the accuracy',
        aliases: ['val-ques-path'],
      },
      diff: { type: 'text', about: 'second results file to compare with' },
      ids: { type: 'text', about: 'file of the question ids to score' },
      imageIds: { type: 'text', about: 'file of image ids, whose questions alone are scored' },
      sample: {
        type: 'number',
        about: 'number of questions to score, as a random sample',
        min: 1,
        whole: true,
      },
    },
    Evaluation: {
      mode: { type: 'text', about: 'metric', choices: SCORE_MODES, default: 'official' },
      allowFallback: {
        type: 'flag',
        about: 'permit mode fallback, a string match that is not the official metric',
      },
      allowPartial: {
        type: 'flag',
        about: 'score the questions that both files have, and say how many that is',
      },
    },
    Output: {
      perQuestion: { type: 'text', about: 'new file for one JSON line per question' },
    },
    General: {
      seed: {
        type: 'number',
        about: 'seed of the sample',
        default: 0,
        min: 0,
        whole: true,
      },
    },
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
      throw new InputError('--ids and --sample both choose questions; give one of them')
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
    for (const warning of evaluation.warnings) progress.warn(warning)
    return {
      json: evaluationJson(evaluation, comparison),
      text:
        formatEvaluation({ ...evaluation, warnings: [] }) +
        (comparison === null ? '' : `\n${formatComparison(comparison)}`),
    }
  },
})
