import { describe, expect, it } from 'vitest'
import { readSql, type Sql, statements } from './sql.ts'

/** Functions that read Directus' tables by name; no statement of a unit or a definition is about them. */
const READERS = ['fn_iu_directus_state']
const CHANGES = /\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE|COPY|LOCK(?:\s+TABLE)?|CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT\s+ON|REFERENCES)\b[^;]*?\bdirectus_\w/i

/** What touches Directus' tables: a statement that names one, a body that would change one, a function that has no business to. */
function touches({ path, text }: Sql): string[] {
  const body = text.replace(/--[^\n]*/g, ' ').replace(/COMMENT ON [^;]*;/g, ' ')
  const functions = [...body.matchAll(/CREATE (?:OR REPLACE )?FUNCTION (?:iu_core\.)?(\w+)[\s\S]*?(\$\w*\$)([\s\S]*?)\2/g)]
  return [
    ...statements(text).filter(statement => /\bdirectus_\w/i.test(statement)).map(statement => `${path}: ${statement}`),
    ...functions.filter(([, name, , code]) => /\bdirectus_\w/i.test(code!) && (!READERS.includes(name!) || CHANGES.test(code!))).map(([, name]) => `${path}: the body of ${name}`),
  ]
}

describe('our objects stand beside Directus\' own', () => {
  it('and nothing named directus_* is touched by any unit or definition', () => {
    const files = readSql('definitions', 'migrations', 'rollbacks', 'verify')
    expect(files.flatMap(touches)).toEqual([])
    expect(files.some(({ text }) => text.includes('directus_collections'))).toBe(true)
  })

  it.each([
    ['a column more', 'ALTER TABLE public.directus_users ADD COLUMN iu_id bigint;'],
    ['a reference', 'CREATE TABLE iu_core.x (who uuid REFERENCES directus_users (id));'],
    ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON directus_files FOR EACH ROW EXECUTE FUNCTION iu_core.f();'],
    ['a view over one', 'CREATE VIEW iu_core.v_iu_x AS SELECT * FROM directus_users;'],
    ['a right', 'GRANT SELECT ON directus_roles TO iu_reader;'],
    ['a function that reads one', 'CREATE FUNCTION iu_core.f() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM directus_users $$;'],
    ['the reader that writes', 'CREATE OR REPLACE FUNCTION iu_core.fn_iu_directus_state() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format(\'UPDATE %I.directus_fields SET readonly = true\', s); END $$;'],
  ])('which is seen when it is: %s', (_, text) => {
    expect(touches({ path: 'x.sql', text })).not.toEqual([])
  })
})
