import { fileURLToPath } from 'node:url'
import { formatEvaluation, isInputError } from '@lever/vqa-eval'
import { scoreFiles } from '@lever/vqa-eval/node'

// Official annotations and results: [{ "question_id": 1, "answer": "net" }, ...]. Give your own as arguments.
const example = (name: string): string => fileURLToPath(new URL(`../data/${name}`, import.meta.url))
const [annotations = example('annotations.json'), results = example('results.json')] = process.argv.slice(2)

try {
  const { evaluation } = await scoreFiles({ annotations, results })
  console.log(formatEvaluation(evaluation))
  for (const { questionId, accuracyPct, prediction } of evaluation.perQuestion)
    console.log(`question ${questionId}: ${prediction} is worth ${accuracyPct}`)
} catch (error) {
  // What is wrong with a file is said with file, row and field; anything else is a fault of the program.
  if (!isInputError(error)) throw error
  console.error(error.message)
  process.exitCode = 2
}
