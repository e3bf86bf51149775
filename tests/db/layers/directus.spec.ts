import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { registerViews } from '../../../server/cli/directus.ts'
import { deployUnits, readUnits, rollbackUnits } from '../../../server/deploy/index.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { layers } from './world.ts'

const UNITS = readUnits(join(import.meta.dirname, '../../../drizzle'))
const READER = 'Editors'

/** The tables of Directus 11, as far as collections go, with a collection of somebody's. */
const DIRECTUS = `
  CREATE TABLE public.directus_collections (
    collection varchar(64) PRIMARY KEY, icon varchar(64), note text, display_template varchar(255), hidden boolean NOT NULL DEFAULT false, singleton boolean NOT NULL DEFAULT false,
    translations json, archive_field varchar(64), archive_app_filter boolean NOT NULL DEFAULT true, archive_value varchar(255), unarchive_value varchar(255), sort_field varchar(64),
    accountability varchar(255) DEFAULT 'all', color varchar(255), item_duplication_fields json, sort integer, "group" varchar(64) REFERENCES public.directus_collections, collapse varchar(255) NOT NULL DEFAULT 'open',
    preview_url varchar(255), versioning boolean NOT NULL DEFAULT false);
  CREATE TABLE public.directus_fields (
    id serial PRIMARY KEY, collection varchar(64) NOT NULL, field varchar(64) NOT NULL, special varchar(64), interface varchar(64), options json, display varchar(64), display_options json,
    readonly boolean NOT NULL DEFAULT false, hidden boolean NOT NULL DEFAULT false, sort integer, width varchar(30) DEFAULT 'full', translations json, note text, conditions json, required boolean DEFAULT false,
    "group" varchar(64), validation json, validation_message text);
  CREATE TABLE public.directus_policies (
    id uuid PRIMARY KEY, name varchar(100) NOT NULL, icon varchar(64) NOT NULL DEFAULT 'badge', description text, ip_access text, enforce_tfa boolean NOT NULL DEFAULT false, admin_access boolean NOT NULL DEFAULT false, app_access boolean NOT NULL DEFAULT false);
  CREATE TABLE public.directus_permissions (
    id serial PRIMARY KEY, collection varchar(64) NOT NULL, action varchar(10) NOT NULL, permissions json, validation json, presets json, fields text, policy uuid NOT NULL REFERENCES public.directus_policies ON DELETE CASCADE);
  INSERT INTO public.directus_collections (collection, note) VALUES ('articles', 'somebody''s');
  INSERT INTO public.directus_fields (collection, field) VALUES ('articles', 'title');
  INSERT INTO public.directus_policies (id, name) VALUES (gen_random_uuid(), '${READER}');
  GRANT SELECT ON public.directus_collections, public.directus_fields, public.directus_permissions TO iu_owner;`

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase({ deployed: false })
  client = await db.connect()
})
afterAll(() => db.drop())

/** Everything that the catalogue says of Directus' tables, and their rows. */
async function picture(): Promise<unknown> {
  const { rows } = await client.query(`
    SELECT c.relname, c.relkind, c.relowner, c.relacl::text, c.relhastriggers, c.relfilenode, obj_description(c.oid, 'pg_class') AS comment,
      (SELECT json_agg(to_jsonb(a) ORDER BY attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid) AS columns,
      (SELECT json_agg(pg_get_constraintdef(k.oid) ORDER BY conname) FROM pg_constraint AS k WHERE k.conrelid = c.oid) AS constraints,
      (SELECT json_agg(pg_get_triggerdef(t.oid) ORDER BY tgname) FROM pg_trigger AS t WHERE t.tgrelid = c.oid) AS triggers,
      (SELECT json_agg(pg_get_indexdef(i.indexrelid) ORDER BY indexrelid) FROM pg_index AS i WHERE i.indrelid = c.oid) AS indexes,
      (SELECT json_agg(d ORDER BY d) FROM (SELECT pg_describe_object(classid, objid, objsubid) AS d FROM pg_depend WHERE refclassid = 'pg_class'::regclass AND refobjid = c.oid) AS d) AS dependents
    FROM pg_class AS c WHERE c.relname LIKE 'directus\\_%' ORDER BY 1`)
  const { rows: content } = await client.query('SELECT (SELECT json_agg(c) FROM directus_collections AS c) AS c, (SELECT json_agg(f) FROM directus_fields AS f) AS f, (SELECT json_agg(p) FROM directus_permissions AS p) AS p, (SELECT json_agg(p) FROM directus_policies AS p) AS o')
  return { rows, content }
}
const counts = async () => (await client.query('SELECT (SELECT count(*)::int FROM directus_collections) AS collections, (SELECT count(*)::int FROM directus_fields) AS fields, (SELECT count(*)::int FROM directus_permissions) AS permissions')).rows[0]
const directus = async () => (await layers(client)).directus!

it('deploying every unit leaves Directus\' tables as they were, to the last catalogue row', async () => {
  await client.query(DIRECTUS)
  const before = await picture()
  await deployUnits(client, UNITS)
  expect(await picture()).toEqual(before)
})

it('the views are registered as read-only collections, once, and a plan adds nothing', async () => {
  expect(await directus()).toMatchObject({ state: 'behind', detail: expect.stringMatching(/^0 of \d+ columns/) })
  const before = await counts()
  const planned = (await registerViews(client, { plan: true, reader: READER }))!
  expect(await counts()).toEqual(before)
  expect(planned.collections).toContain('v_iu_collection_manifest')
  expect(planned.collections).not.toContain('v_iu_event_claim')
  expect(planned.permissions).toEqual(planned.collections)

  expect(await registerViews(client, { plan: false, reader: READER })).toEqual(planned)
  expect(await directus()).toMatchObject({ state: 'in_step', behind: 0, digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect((await client.query('SELECT DISTINCT f.readonly FROM directus_fields AS f WHERE f.collection LIKE \'v\\_%\'')).rows).toEqual([{ readonly: true }])
  expect((await client.query('SELECT DISTINCT action FROM directus_permissions')).rows).toEqual([{ action: 'read' }])
  const after = await counts()
  expect(await registerViews(client, { plan: false, reader: READER })).toMatchObject({ collections: [], fields: [], permissions: [] })
  expect(await counts()).toEqual(after)
})

it('what somebody made of a collection stays, and what is missing or may be written is seen', async () => {
  await client.query('UPDATE directus_collections SET icon = \'star\', hidden = true WHERE collection = \'v_iu_gate\'')
  await client.query('DELETE FROM directus_fields WHERE collection = \'v_iu_gate\' AND field = \'is_open\'')
  expect(await directus()).toMatchObject({ state: 'behind', behind: 1 })
  expect(await registerViews(client, { plan: false })).toMatchObject({ collections: [], fields: ['v_iu_gate.is_open'], permissions: [] })
  expect((await client.query('SELECT icon, hidden FROM directus_collections WHERE collection = \'v_iu_gate\'')).rows).toEqual([{ icon: 'star', hidden: true }])
  expect(await directus()).toMatchObject({ state: 'in_step' })
  await client.query('INSERT INTO directus_permissions (collection, action, policy) SELECT \'v_iu_gate\', \'update\', id FROM directus_policies')
  expect(await directus()).toMatchObject({ state: 'behind', behind: 1, detail: expect.stringContaining('1 permissions let somebody write') })
  await client.query('DELETE FROM directus_permissions WHERE action = \'update\'')
})

it('a reader that Directus does not have is refused, and nothing is added', async () => {
  await client.query('DELETE FROM directus_fields WHERE collection = \'v_iu_gate\'')
  const before = await counts()
  await expect(registerViews(client, { plan: false, reader: 'Nobody' })).rejects.toThrow('has not one policy called "Nobody"')
  expect(await counts()).toEqual(before)
  await registerViews(client, { plan: false })
})

it('what may not be read is told, not guessed', async () => {
  await client.query('REVOKE SELECT ON directus_fields FROM iu_owner')
  expect(await directus()).toMatchObject({ state: 'behind', behind: null, detail: expect.stringContaining('iu_owner may not read public.directus_fields') })
})

it('rolling back every unit leaves them too, and where they are not, nothing is registered', async () => {
  const before = await picture()
  await rollbackUnits(client, UNITS)
  expect(await picture()).toEqual(before)
  await client.query('DROP TABLE directus_permissions, directus_policies, directus_fields, directus_collections')
  expect(await registerViews(client, { plan: false })).toBeUndefined()
})
