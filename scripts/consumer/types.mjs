import { all, run, writeFiles } from './project.mjs'

const COMPILERS = ['typescript-5.4', 'typescript-current']

/**
 * Type checks entries and the README examples as a strict project of a consumer does, with the oldest and the newest
 * TypeScript, under nodenext and bundler. `skipLibCheck` is off, and faults in declarations of others are not ours. Examples
 * in JavaScript are checked too, but for parameters without a type; declarations are not checked with them a second time.
 */
export async function checkTypes(project, entries, examples) {
  await writeFiles(project, {
    'types/entries.ts': `${entries.map((entry, i) => `import * as e${i} from '${entry}'`).join('\n')}
export const all: readonly object[] = [${entries.map((_, i) => `e${i}`).join(', ')}]\n`,
    'types/entries.cts': `${entries.map((entry, i) => `import e${i} = require('${entry}')`).join('\n')}
export const all: readonly object[] = [${entries.map((_, i) => `e${i}`).join(', ')}]\n`,
  })
  const paths = examples.map(({ path }) => path)
  const typed = ['types/entries.ts', ...paths.filter((path) => path.endsWith('.ts'))]
  const untyped = paths.filter((path) => path.endsWith('.js'))
  const nodenext = { moduleResolution: 'nodenext', module: 'nodenext' }
  const bundler = { moduleResolution: 'bundler', module: 'esnext' }
  const javascript = { allowJs: true, checkJs: true, noImplicitAny: false, skipLibCheck: true }
  await all(
    COMPILERS.flatMap((compiler) => [
      check(project, compiler, nodenext, [...typed, 'types/entries.cts']),
      check(project, compiler, bundler, typed),
      check(project, compiler, { ...nodenext, ...javascript }, untyped),
      check(project, compiler, { ...bundler, ...javascript }, untyped),
    ]),
  )
}

async function check(project, compiler, options, files) {
  const language = options.checkJs ? 'js' : 'ts'
  const config = `tsconfig.${compiler}.${options.moduleResolution}.${language}.json`
  await writeFiles(project, {
    [config]: {
      compilerOptions: {
        ...{ strict: true, target: 'es2022', noEmit: true, skipLibCheck: false, types: ['node'], ...options },
      },
      files,
    },
  })
  const program = `node_modules/${compiler}/bin/tsc`
  const { stdout } = await run(project, process.execPath, [program, '-p', config], { mayFail: true })
  const faults = stdout.split('\n').filter((line) => isOurs(line))
  if (faults.length > 0) {
    throw new Error(
      `${compiler}, ${options.moduleResolution}, ${language}:\n${faults.slice(0, 20).join('\n')}`,
    )
  }
}

/** A fault, not in the declarations of somebody else's package. */
function isOurs(line) {
  if (!/error TS\d+/.test(line)) return false
  return !line.includes('node_modules/') || line.includes('node_modules/@lever/')
}
