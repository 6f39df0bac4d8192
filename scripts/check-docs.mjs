// Fails where something that a package exports has no doc comment: a function, a value, a type, or an option of a function.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import ts from 'typescript'

/** Entries of all packages: their name and source. */
const entries = readdirSync('packages').flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'))
  return Object.keys(exports)
    .map((entry) => `packages/${name}/src/${entry === '.' ? 'index' : entry.slice(2)}.ts`)
    .filter((path) => existsSync(path))
})
const { config } = ts.readConfigFile('tsconfig.eslint.json', ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
const program = ts.createProgram(entries, options)
const checker = program.getTypeChecker()

const missing = new Set()
for (const entry of entries) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry))
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    for (const declaration of symbol.declarations ?? []) look(declaration, symbol.name)
  }
}

function look(declaration, name) {
  const file = relative('.', declaration.getSourceFile().fileName)
  if (!file.startsWith('packages/') || file.includes('node_modules')) return
  const package_ = file.split('/')[1]
  if (!isDocumented(declaration)) missing.add(`${package_}: ${name}`)
  const members =
    ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration) ? declaration.members : []
  const isOfOptions = /(Options|Settings)$/.test(name)
  for (const member of members) {
    const own = member.name?.getText()
    if (own === undefined || own.startsWith('#') || !isOfOptions) continue
    if (!isDocumented(member)) missing.add(`${package_}: ${name}.${own}`)
  }
}

/** A member of an options type is documented by its own comment; a variable by that of its statement. */
function isDocumented(node) {
  const holder = ts.isVariableDeclaration(node) ? node.parent.parent : node
  return ts.getJSDocCommentsAndTags(holder).length > 0
}

for (const name of [...missing].sort())
  console.error(`${name} has no doc comment: say what it is, with units and errors thrown`)
if (missing.size > 0) process.exit(1)
console.log('check-docs: all that is exported has a doc comment')
