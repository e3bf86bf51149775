import type { Client, PoolClient } from 'pg'

/** One object of the live schema, as iu_core.fn_dot_catalogue() reads it. */
export interface CatalogueObject {
  class: string
  identity: string
  definition: string
  facts: string
}

const CLASSES = ['schema', 'table', 'view', 'function', 'trigger', 'config', 'vocabulary', 'event_type', 'route', 'command', 'other']

/** Every object of the connected database's schema, by class, then by identity. */
export async function readCatalogue(client: Client | PoolClient): Promise<CatalogueObject[]> {
  const { rows } = await client.query<CatalogueObject>('SELECT class, identity, definition, facts FROM iu_core.fn_dot_catalogue()')
  const rank = (object: CatalogueObject) => CLASSES.indexOf(object.class)
  return rows.sort((a, b) => rank(a) - rank(b) || (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : 0))
}

const DATA_CLASSES = ['config', 'vocabulary', 'event_type', 'route', 'command', 'other']

/** The catalogue as one text to review: `drizzle/schema.sql`. Registry rows stand in it as comments. */
export function schemaText(objects: CatalogueObject[]): string {
  const header = '-- The schema as the catalogue has it, written by `iu db dump`; reviewed as a diff, never edited.\n'
  const body = (object: CatalogueObject) => DATA_CLASSES.includes(object.class) ? object.definition.replace(/^/gm, '--   ') : object.definition
  return header + objects.map(object => `\n-- ${object.class} ${object.identity}\n${body(object)}\n`).join('')
}
