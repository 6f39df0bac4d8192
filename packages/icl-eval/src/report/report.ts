import { createHash } from 'node:crypto'
import { InputError } from '@lever/durable-files'
import { escapeHtml, slug } from './html.ts'
import { readPageScript } from './page-script.ts'
import { accuracyChart, accuracySection } from './sections/accuracy.ts'
import { differencesSection } from './sections/differences.ts'
import { examplesSection } from './sections/examples.ts'
import { factsSection, warningsBlock } from './sections/facts.ts'
import { pilotSection } from './sections/pilot.ts'
import { rankingSection } from './sections/ranking.ts'
import { rewardCharts, rewardsSection } from './sections/rewards.ts'
import { trainingCharts, trainingSection } from './sections/training.ts'
import { typesSection } from './sections/types.ts'
import { PAGE_STYLE } from './style.ts'
import { standaloneSvg } from './svg/standalone.ts'
import type { ReportInput } from './types.ts'

const SECTIONS: readonly (readonly [id: string, title: string, render: (input: ReportInput) => string])[] = [
  ['pilot', 'Pilot', pilotSection],
  ['accuracy', 'Accuracy', accuracySection],
  ['differences', 'Differences', differencesSection],
  ['types', 'By type', typesSection],
  ['ranking', 'Ranking', rankingSection],
  ['training', 'Training', trainingSection],
  ['rewards', 'Rewards', rewardsSection],
  ['examples', 'Examples', examplesSection],
  ['facts', 'How measured', factsSection],
]

/** Only the style and the script of the page itself are let in, by their hashes, and images that stand in it. */
function policyOf(style: string, script: string): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  return [
    "default-src 'none'",
    'img-src data:',
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

/**
 * One self-contained HTML page: tables that sort, SVG plots, the examples browser. It opens from a file without
 * network (its content policy forbids any) and holds no time of its own, so equal inputs give equal bytes. Control
 * characters of the data are shown as \\u001b and the like.
 *
 * @throws RangeError if there is no run
 * @throws InputError if two runs have one name
 */
export function renderReport(input: ReportInput): string {
  if (input.runs.length === 0) throw new RangeError('icl-eval: a report needs at least one run')
  const names = input.runs.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) {
    throw new InputError(`icl-eval: the run ${twice} is in the report twice; give different runs`)
  }
  const sections = SECTIONS.map(([id, title, render]) => ({ id, title, html: render(input) })).filter(
    ({ html }) => html !== '',
  )
  const links = sections.map(({ id, title }) => `<li><a href="#${id}">${title}</a></li>`)
  const title = escapeHtml(input.title)
  const script = readPageScript()
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(PAGE_STYLE, script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the figures</a>
<header>
<h1>${title}</h1>
${input.intro === undefined ? '' : `<p>${escapeHtml(input.intro)}</p>\n`}<div class="bar"><nav aria-label="Sections"><ul>${links.join('')}</ul></nav>
<label>Theme <select class="theme"><option value="">as the system</option><option value="light">light</option><option value="dark">dark</option></select></label></div>
</header>
<main id="main">
${warningsBlock(input)}${sections.map(({ html }) => html).join('')}</main>
<footer>Written by Lever. Accuracies are official VQA accuracies unless a note says otherwise.</footer>
<script>${script}</script>
</body>
</html>
`
}

/** Every plot of the report as an SVG file: name and content. */
export function reportPlots({ runs }: ReportInput): { readonly name: string; readonly svg: string }[] {
  const rewards = runs.flatMap(({ name, rewards: described }) =>
    described === undefined
      ? []
      : rewardCharts(described).map((chart) => ({
          name: `rewards-${runs.length > 1 ? `${name}-` : ''}${chart.name}`,
          chart: chart.chart,
        })),
  )
  const training = trainingCharts(runs).map(({ name, chart }) => ({ name: `training-${name}`, chart }))
  return [{ name: 'accuracy', chart: accuracyChart(runs) }, ...training, ...rewards].flatMap(
    ({ name, chart }) => (chart === '' ? [] : [{ name: `${slug(name)}.svg`, svg: standaloneSvg(chart) }]),
  )
}
