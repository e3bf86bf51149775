import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'

/** One object (or one set of registry rows) as the readable truth has it. */
export interface Definition {
  /** the object's name, which is the file's name */
  name: string
  area: string
  kind: 'schemas' | 'tables' | 'functions' | 'views' | 'triggers' | 'data'
  requires: string[]
  sql: string
}

const KINDS: Definition['kind'][] = ['schemas', 'tables', 'functions', 'views', 'triggers', 'data']

/**
 * Reads `drizzle/definitions/<area>/<kind>/<name>.sql`, in an order in which each can be created:
 * by kind, then by name, and after everything that its `-- requires:` line names.
 * @throws {Error} for an unknown kind, a name used twice, an unknown or circular requirement.
 */
export function readDefinitions(drizzle: string): Definition[] {
  const root = join(drizzle, 'definitions')
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.sql')).map((file) => {
    const kind = basename(dirname(file)) as Definition['kind']
    if (!KINDS.includes(kind)) throw new Error(`${relative(drizzle, join(root, file))}: a definition stands in one of ${KINDS.join(', ')}`)
    const sql = readFileSync(join(root, file), 'utf8')
    const requires = /^-- requires: (.+)$/m.exec(sql)?.[1]?.split(',').map(name => name.trim()) ?? []
    return { name: basename(file, '.sql'), area: dirname(dirname(file)), kind, requires, sql }
  })
  const byKind = (a: Definition, b: Definition) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.name < b.name ? -1 : 1)
  return inOrder(found.sort(byKind))
}

function inOrder(definitions: Definition[]): Definition[] {
  const byName = new Map(definitions.map(definition => [definition.name, definition]))
  if (byName.size !== definitions.length) throw new Error('two definitions have one name')
  const ordered = new Set<Definition>()
  const visit = (definition: Definition, path: string[]) => {
    if (ordered.has(definition)) return
    if (path.includes(definition.name)) throw new Error(`circular requires: ${[...path, definition.name].join(' → ')}`)
    for (const name of definition.requires) {
      const required = byName.get(name)
      if (!required) throw new Error(`${definition.name} requires ${name}, which has no definition`)
      visit(required, [...path, definition.name])
    }
    ordered.add(definition)
  }
  for (const definition of definitions) visit(definition, [])
  return [...ordered]
}
