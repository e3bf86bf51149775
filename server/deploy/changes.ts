import { type CatalogueObject, readCatalogue } from './catalogue.ts'
import type { Connection } from './transaction.ts'

/** What a unit does to one object. */
export interface Change { change: 'made' | 'changed' | 'dropped', class: string, identity: string }

/** The catalogue as this transaction sees it; empty where the schema is not there. */
export async function catalogueNow(client: Connection): Promise<CatalogueObject[]> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regproc('iu_core.fn_dot_catalogue') IS NOT NULL AS there`)
  return row!.there ? readCatalogue(client) : []
}

/** The difference between two catalogues, in their order. Pure. */
export function changesBetween(before: CatalogueObject[], after: CatalogueObject[]): Change[] {
  const keyOf = (object: CatalogueObject) => `${object.class} ${object.identity}`
  const old = new Map(before.map(object => [keyOf(object), object.definition]))
  const kept = new Set(after.map(keyOf))
  const as = (change: Change['change']) => (object: CatalogueObject): Change => ({ change, class: object.class, identity: object.identity })
  return [
    ...after.filter(object => !old.has(keyOf(object))).map(as('made')),
    ...after.filter(object => old.has(keyOf(object)) && old.get(keyOf(object)) !== object.definition).map(as('changed')),
    ...before.filter(object => !kept.has(keyOf(object))).map(as('dropped')),
  ]
}
