import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Circles that are still there, each by the first of its files. Take a line out when its circle is broken; add none. */
const KNOWN: readonly string[] = []

test('no source files import each other in a circle', () => {
  const circles = circlesOf(importsByFile()).map((files) => files.map((file) => relative(ROOT, file)).sort())
  expect(circles.filter(([first]) => !KNOWN.includes(first!))).toEqual([])
})

test('a circle is found, and a chain is none', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['b']],
    ['d', []],
  ])
  expect(circlesOf(graph).map((files) => files.sort())).toEqual([['b', 'c']])
})

function importsByFile(): Map<string, string[]> {
  const folders = ['packages', 'apps', 'fixtures'].flatMap((top) =>
    readdirSync(join(ROOT, top)).map((name) => join(ROOT, top, name, 'src')),
  )
  const files = folders.filter((folder) => existsSync(folder)).flatMap(sourcesOf)
  return new Map(files.map((file) => [file, importsOf(file)]))
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const found = text.matchAll(/^(?:import|export)\b[^'"`;]*?\bfrom '(\.[^']+)'/gm)
  return Array.from(found, ([, name]) => resolve(dirname(file), name!))
}

function sourcesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return sourcesOf(path)
    return name.endsWith('.ts') && !name.endsWith('.d.ts') ? [path] : []
  })
}

/** Groups of nodes that reach each other (Tarjan, https://doi.org/10.1137/0201010). */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []

  function visit(node: string): void {
    const number = order.size
    order.set(node, number)
    lowest.set(node, number)
    open.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (open.includes(next)) lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!))
    }
    if (lowest.get(node) !== number) return
    const circle = open.splice(open.indexOf(node))
    if (circle.length > 1) circles.push(circle)
  }

  for (const node of graph.keys()) if (!order.has(node)) visit(node)
  return circles
}
