import { describe, expect, test } from '@jest/globals'
import type { MeasuredOutcome, MeasuredQuery } from '../src/offline/measured-queries.ts'
import { reportExamples } from '../src/report/examples.ts'
import { renderReport, reportPlots } from '../src/report/report.ts'
import { describeRewards } from '../src/report/rewards.ts'
import { breakdown } from '../src/summary/breakdown.ts'
import { reportInput, reportLibrary, reportQueries, reportRows, reportRun } from './report-input.ts'

const html = renderReport(reportInput)

describe('renderReport', () => {
  test('holds every section that has data, and nothing from outside', () => {
    for (const id of ['accuracy', 'differences', 'types', 'training', 'rewards', 'examples', 'facts']) {
      expect(html).toContain(`<section id="${id}"`)
      expect(html).toContain(`href="#${id}"`)
    }
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/)
    expect(html).toContain("default-src 'none'")
    expect(html).toContain('reads of the test split')
    expect(html).toContain('3 images are in training and test')
  })

  test('escapes what comes from data, in text and in JSON', () => {
    expect(html).not.toContain('<script>alert')
    expect(html).not.toContain('\u2028')
    const json = /<script type="application\/json" id="examples-data">(.*?)<\/script>/s.exec(html)![1]!
    const [run] = JSON.parse(json) as [{ questions: { question: string }[] }]
    expect(run.questions[0]!.question).toBe('<script>alert("x")</script>')
  })

  test('has no control characters of the data', () => {
    const nasty = '\u001b]0;owned\u0007\u009b31m\u007f\r'
    const run = reportRun(nasty)
    const questions = run.examples!.questions.map((question) => ({ ...question, question: nasty }))
    const facts = [{ label: nasty, value: nasty }]
    const examples = { ...run.examples!, questions }
    const page = renderReport({ title: nasty, runs: [{ ...run, facts, examples }, reportRun('two')] })
    expect(page.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g)).toBeNull()
    expect(page).toContain('\\u001b]0;owned\\u0007\\u009b31m\\u007f\\u000d')
    const json = /<script type="application\/json" id="examples-data">(.*?)<\/script>/s.exec(page)![1]!
    expect((JSON.parse(json) as { questions: { question: string }[] }[])[0]!.questions[0]!.question).toBe(
      nasty,
    )
  })

  test('warns of runs on different questions, and only of those', () => {
    const [one, two] = [reportRun('one'), reportRun('two')]
    const some = { ...two, rows: two.rows!.filter(({ query }) => query !== two.rows![0]!.query) }
    expect(renderReport({ title: 't', runs: [one, some] })).toContain(
      'not evaluated on the same questions (one: 24, two: 23)',
    )
    expect(renderReport({ title: 't', runs: [one, two] })).not.toContain('not evaluated on the same')
    expect(renderReport({ title: 't', runs: [some] })).not.toContain('not evaluated on the same')
  })

  test('refuses one run twice', () => {
    expect(() => renderReport({ title: 't', runs: [reportRun('one'), reportRun('one')] })).toThrow(
      'the run one is in the report twice',
    )
  })

  test('a share of a gap that the sample is too small for is not shown, and it says so', () => {
    const run = reportRun('one')
    const gapClosed = run.summary!.gapClosed.map((gap) => ({ ...gap, ci: null }))
    const html = renderReport({ title: 't', runs: [{ ...run, summary: { ...run.summary!, gapClosed } }] })
    expect(html).toContain('<td>too few</td>')
    expect(html).toContain('too few questions make the gap for a share of it')
    expect(html).not.toContain('of the way from random to oracle')
  })

  test('is the same twice, has no undefined, and ids are unique', () => {
    expect(renderReport({ ...reportInput, runs: [reportInput.runs[0]!] })).toBe(html)
    const markup = html.replace(/<script[\s\S]*?<\/script>/g, '')
    expect(markup).not.toMatch(/undefined|NaN|\[object/)
    const two = renderReport({ title: 't', runs: [reportRun('a'), reportRun('b <b>')] })
    const ids = Array.from(two.matchAll(/ id="([^"]*)"/g), (match) => match[1])
    expect(new Set(ids).size).toBe(ids.length)
    expect(two).toContain('b &lt;b&gt; · pointer')
  })

  test('has no figure to begin with for a bound, which is compared with nothing', () => {
    const run = reportRun('one')
    const examples = { ...run.examples!, selectors: ['oracle', 'random'] }
    expect(renderReport({ title: 't', runs: [{ ...run, examples }] })).not.toContain('<dl class="key">')
  })

  test('begins with the figures of the selector that it is about, when it is about one run', () => {
    const key = /<dl class="key">(.*?)<\/dl>/s.exec(html)![1]!
    expect(Array.from(key.matchAll(/<dt>([^<]*)</g), ([, label]) => label)).toEqual([
      'pointer, 2 shots',
      'against the best baseline, rices-both',
      'against random',
      'of the way from rices-both to the oracle',
      'smallest difference to rices-both that this sample can show',
    ])
    const { accuracy } = reportInput.runs[0]!.summary!.table.find(
      (row) => row.selector === 'pointer' && row.shots === 2,
    )!
    expect(key).toContain(`<strong>${(100 * accuracy!).toFixed(1)} %</strong>`)
    expect(renderReport({ title: 't', runs: [reportRun('a'), reportRun('b')] })).not.toContain('class="key"')
  })

  test('marks what no test shows, and gives every test with its family', () => {
    const all = reportInput.runs[0]!.summary!.table.flatMap((row) => row.comparisons)
    const unsure = all.filter(({ pHolm }) => pHolm >= 0.05).length
    expect(unsure).toBeGreaterThan(0)
    expect(html.match(/ n\.s\.<\/small>/g)).toHaveLength(unsure)
    expect(html).toContain(`Holm: over all ${all.length} comparisons`)
    expect(html).toContain('Accuracy over seeds, in per cent')
  })

  test('a pilot stands first, and rewards that were not decoded are shown as expected accuracies', () => {
    const outcome = (expected: number): MeasuredOutcome => ({
      ...{ ids: [1], accuracy: NaN, expected, answer: '', method: 'random', mode: 'file' },
    })
    const query = { id: 1 } as MeasuredQuery['query']
    const rewards = describeRewards([{ query, pool: [], outcomes: [outcome(0.02), outcome(0.06)] }])
    expect(rewards).toMatchObject({ measure: 'expected accuracy', flat: 0, pointers: 2 })
    expect(rewards.methods[0]!.mean).toBeCloseTo(0.04, 12)
    const table = { title: 'What was measured', header: ['', 'accuracy'], rows: [['flat <groups>', '60 %']] }
    const pilot = {
      verdict: 'worth training',
      reasons: ['It is so.'],
      tables: [table],
      notes: ['recommended: E'],
    }
    const shown = renderReport({ title: 't', runs: [{ name: 'pilot', pilot, rewards }] })
    expect(shown.indexOf('<strong>worth training</strong>')).toBeGreaterThan(0)
    expect(shown.indexOf('id="pilot"')).toBeLessThan(shown.indexOf('id="rewards"'))
    for (const text of ['flat &lt;groups&gt;', 'recommended: E', 'mean expected accuracy, %'])
      expect(shown).toContain(text)
  })

  test('a policy has one colour in every plot', () => {
    const run = reportRun('one')
    const curves = [
      {
        name: 'loss',
        x: 'step',
        series: [
          {
            name: 'pointer',
            points: [
              [0, 1],
              [1, 2],
            ] as const,
          },
        ],
      },
    ]
    const plots = reportPlots({ title: 't', runs: [{ ...run, curves }] })
    const colourIn = (name: string): string =>
      /data-series="pointer">.*?stroke="(var\(--s\d\))"/s.exec(
        plots.find((plot) => plot.name === name)!.svg,
      )![1]!
    expect(colourIn('training-loss.svg')).toBe(colourIn('accuracy.svg'))
  })

  test('leaves out what a run lacks, and needs a run', () => {
    const { name, summary } = reportInput.runs[0]!
    const bare = renderReport({ title: 't', runs: [{ name, summary: summary! }] })
    for (const id of ['types', 'training', 'rewards', 'examples']) expect(bare).not.toContain(`id="${id}"`)
    expect(bare).toContain('<section id="accuracy"')
    expect(() => renderReport({ title: 't', runs: [] })).toThrow('at least one run')
  })

  test('ranked trainings are a table, whose figures sort as numbers', () => {
    const ranking = {
      ...{ header: ['recipe', 'accuracy', '95 %'], text: 1 },
      ...{ rows: [['<b>', '62.5', '[1.0, 2.0]']], notes: ['a & b'] },
    }
    const page = renderReport({ title: 't', runs: [{ name: 'sweep', ranking }] })
    expect(page).toContain('<section id="ranking"')
    expect(page).toContain('<th scope="row">&lt;b&gt;</th><td data-value="62.5">62.5</td><td>[1.0, 2.0]</td>')
    expect(page).toContain('<p>a &amp; b</p>')
    expect(html).not.toContain('<section id="ranking"')
  })

  test('a run that only trained has its curves and facts, alone and beside an evaluation', () => {
    const { summary, rows, examples, warnings, ...trained } = reportRun('train')
    const alone = renderReport({ title: 't', runs: [trained] })
    for (const id of ['training', 'rewards', 'facts']) expect(alone).toContain(`<section id="${id}"`)
    for (const id of ['accuracy', 'differences', 'types', 'examples'])
      expect(alone).not.toContain(`id="${id}"`)
    expect(reportPlots({ title: 't', runs: [trained] }).map(({ name }) => name)).not.toContain('accuracy.svg')
    const both = renderReport({ title: 't', runs: [reportRun('evaluation'), trained] })
    expect(both).toContain(
      '<th scope="col"><button type="button" class="sort">selector</button></th><th scope="col"><button type="button" class="sort">0\u00a0shots',
    )
    expect(both).toContain('train · validation')
    expect([summary, rows, examples, warnings]).not.toContain(undefined)
  })
})

describe('reportExamples', () => {
  const options = {
    queries: reportQueries,
    library: reportLibrary,
    rows: reportRows,
    shots: 2,
    focus: 'pointer',
    against: 'random',
    thumbnail: () => 'data:,x',
  }

  test('keeps each image and demonstration once', () => {
    const examples = reportExamples(options)
    expect(examples.questions).toHaveLength(24)
    expect(examples.shown.map(({ id }) => id)).toEqual([101, 102])
    expect(examples.images.length).toBe(
      new Set([...reportQueries, ...reportLibrary.slice(0, 2)].map(({ imageId }) => imageId)).size,
    )
    expect(examples.questions[1]!.humans[0]![1]).toBe(8)
  })

  test('stops at the limits', () => {
    expect(reportExamples({ ...options, limit: 3 }).questions).toHaveLength(3)
    const few = reportExamples({ ...options, thumbnail: () => 'x'.repeat(1000), imageBytes: 5000 })
    expect(few.questions.length).toBeLessThan(24)
    expect(few.total).toBe(24)
  })

  test('holds every selector, those that are not shown at first with images where there is room', () => {
    const library = reportLibrary.map((example) => ({ ...example, imageId: `of ${example.id}` }))
    const options2 = { ...options, library, more: ['rices-both', 'oracle', 'pointer'] }
    const all = reportExamples(options2)
    expect([all.selectors, all.first]).toEqual([['pointer', 'random', 'rices-both', 'oracle'], 2])
    for (const { picks } of all.questions) expect(picks.map(({ selector }) => selector)).toEqual([0, 1, 2, 3])
    const other = (row: (typeof reportRows)[number]): (typeof reportRows)[number] =>
      row.selector === 'oracle' ? { ...row, demonstrations: [104, 105] } : row
    const rows = reportRows.map(other)
    const plain = reportExamples({ ...options, library, rows })
    const bytes = plain.images.reduce((sum, uri) => sum + uri.length, 0)
    const full = reportExamples({ ...options2, rows, imageBytes: bytes })
    expect(full.questions).toHaveLength(24)
    expect(full.shown.map(({ id, image }) => [id, image >= 0])).toEqual([
      [101, true],
      [102, true],
      [104, true],
      [105, false],
    ])
    expect(reportExamples({ ...options2, rows }).shown.every(({ image }) => image >= 0)).toBe(true)
  })

  test('needs rows of both selectors', () => {
    expect(() => reportExamples({ ...options, focus: 'nobody' })).toThrow(
      'rows of nobody and random at 2 shots',
    )
  })
})

test('describeRewards counts flat queries, positives and bins', () => {
  const outcome = (accuracy: number, method = 'beam') =>
    ({ ids: [1], accuracy, answer: '', method, mode: 'file' }) as const
  const [query] = reportQueries
  const queries = [
    { query: query!, pool: [], outcomes: [outcome(0), outcome(0)] },
    { query: query!, pool: [], outcomes: [outcome(0.6), outcome(1), outcome(0.3, '')] },
    { query: query!, pool: [], outcomes: [outcome(1)] },
    { query: query!, pool: [], outcomes: [] },
  ]
  const { flat, pointers, methods } = describeRewards(queries)
  expect([flat, pointers]).toEqual([1, 6])
  expect(methods[0]).toMatchObject({ method: 'beam', pointers: 5, mean: 0.52, positive: 0.6 })
  expect(methods[0]!.bins).toEqual([0.4, 0, 0, 0, 0, 0, 0.2, 0, 0, 0, 0.4])
  expect(methods[1]).toMatchObject({ method: 'unknown', pointers: 1 })
})

test('breakdown gives types with most questions first', () => {
  const types = breakdown(reportRows, 'answerType', 2)
  expect(types.map(({ type, n }) => [type, n])).toEqual([
    ['number', 12],
    ['other', 12],
  ])
  expect(Array.from(types[0]!.accuracies.keys())).toEqual([
    'zero-shot',
    'random',
    'rices-both',
    'pointer',
    'oracle',
  ])
  expect(types[0]!.accuracies.get('oracle')).toBe(1)
})
