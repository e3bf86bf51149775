import { describe, expect, it } from 'vitest'
import type { CatalogueObject } from '../../../server/deploy/catalogue.ts'
import type { Definition } from '../../../server/deploy/definitions.ts'
import { draftUnit, NOTHING } from '../../../server/deploy/draft.ts'

const FOLDER = { schema: 'schemas', table: 'tables', function: 'functions', view: 'views', trigger: 'triggers' } as const
type Kind = keyof typeof FOLDER

const object = (kind: Kind, identity: string, definition = `CREATE ${kind.toUpperCase()} ${identity};`, facts = 'owner iu_owner'): CatalogueObject => ({ class: kind, identity, definition, facts })
const define = (kind: Kind, name: string, sql = `CREATE ${kind.toUpperCase()} iu_core.${name};\n`, area = 'area'): Definition => ({ kind: FOLDER[kind], name, area, requires: [], sql })

const table = object('table', 't')
const fn = object('function', 'fn_a(text,integer)')
const changedFn = { ...fn, definition: 'CREATE OR REPLACE FUNCTION fn_a(a text, b integer) NEW;' }
const view = object('view', 'v')
const trigger = object('trigger', 'trg on t')
const DEFINITIONS = [define('table', 't'), define('function', 'fn_a'), define('view', 'v'), define('trigger', 'trg')]

describe('a draft of what is new', () => {
  const { migration, rollback, verify } = draftUnit([], [trigger, view, fn, table], DEFINITIONS)

  it('takes the definitions as they are, in their order', () => {
    expect(migration).toBe([
      '-- unit: schema', 'CREATE TABLE iu_core.t;', 'CREATE FUNCTION iu_core.fn_a;', 'CREATE VIEW iu_core.v;', 'CREATE TRIGGER iu_core.trg;',
    ].join('\n\n') + '\n')
  })

  it('drops them the other way round, unless a table holds history', () => {
    expect(rollback).toBe([
      'SET LOCAL search_path = pg_catalog, iu_core, pg_temp;',
      'SELECT iu_core.fn_iu_refuse_if_history(\'t\');',
      'DROP TRIGGER trg ON iu_core.t;', 'DROP VIEW iu_core.v;', 'DROP FUNCTION iu_core.fn_a(text,integer);', 'DROP TABLE iu_core.t;',
    ].join('\n') + '\n')
  })

  it('verifies the facts of each', () => {
    for (const { class: kind, identity, facts } of [table, fn, view, trigger]) expect(verify).toContain(`('${kind}', '${identity}', '${facts}')`)
    expect(verify).toContain('RAISE EXCEPTION')
  })

  it('writes quotes so that SQL reads them back', () => {
    expect(draftUnit([], [{ ...view, facts: 'it\'s' }], DEFINITIONS).verify).toContain('\'it\'\'s\'')
  })

  it('drops a schema last', () => {
    const schema = object('schema', 'iu_core')
    expect(draftUnit([], [view, schema], [define('schema', 'iu_core', 'CREATE SCHEMA iu_core;'), ...DEFINITIONS]).rollback).toMatch(/DROP VIEW iu_core\.v;\nDROP SCHEMA iu_core;\n$/)
  })
})

describe('a draft of what changed', () => {
  it('replaces a function, and puts the old one back', () => {
    const { migration, rollback } = draftUnit([fn], [changedFn], DEFINITIONS)
    expect(migration).toBe('-- unit: schema\n\nCREATE OR REPLACE FUNCTION iu_core.fn_a;\n')
    expect(rollback).toContain(`\nCREATE OR REPLACE FUNCTION fn_a(text,integer);\n`)
    expect(rollback).not.toContain('DROP')
    expect(rollback).not.toContain('OR REPLACE OR REPLACE')
  })

  it('replaces a view, and puts the old one back', () => {
    const { migration, rollback } = draftUnit([view], [{ ...view, definition: 'CREATE VIEW v NEW;' }], DEFINITIONS)
    expect(migration).toContain('CREATE OR REPLACE VIEW iu_core.v;')
    expect(rollback).toContain('CREATE OR REPLACE VIEW iu_core.v;')
  })

  it('makes a trigger anew, either way', () => {
    const { migration, rollback } = draftUnit([trigger], [{ ...trigger, definition: 'CREATE TRIGGER trg NEW;' }], DEFINITIONS)
    expect(migration).toContain('DROP TRIGGER trg ON iu_core.t;\nCREATE TRIGGER iu_core.trg;')
    expect(rollback).toContain('DROP TRIGGER trg ON iu_core.t;\nCREATE TRIGGER trg on t;')
  })

  it('raises for a table, either way, until its ALTER is written', () => {
    const { migration, rollback } = draftUnit([table], [{ ...table, definition: 'CREATE TABLE t NEW;' }], DEFINITIONS)
    expect(migration).toContain('DO $$ BEGIN RAISE EXCEPTION \'draft: write the ALTER of table t\'; END $$;')
    expect(rollback).toContain('DO $$ BEGIN RAISE EXCEPTION \'draft: write the reverse ALTER of table t\'; END $$;')
    expect(rollback).not.toContain('refuse_if_history')
  })

  it('is of a function of new arguments a new function, beside the dropped old one', () => {
    const { migration, rollback } = draftUnit([fn], [object('function', 'fn_a(text)')], DEFINITIONS)
    expect(migration).toContain('CREATE FUNCTION iu_core.fn_a;\n\nSET LOCAL search_path = pg_catalog, iu_core, pg_temp;\n\nDROP FUNCTION iu_core.fn_a(text,integer);')
    expect(rollback).toContain(`${fn.definition}\nREVOKE ALL ON FUNCTION fn_a(text,integer) FROM PUBLIC;\nDROP FUNCTION iu_core.fn_a(text);`)
  })
})

describe('a draft of what is gone', () => {
  it.each([
    ['function', fn, 'DROP FUNCTION iu_core.fn_a(text,integer);'],
    ['view', view, 'DROP VIEW iu_core.v;'],
    ['trigger', trigger, 'DROP TRIGGER trg ON iu_core.t;'],
    ['table', table, 'DROP TABLE iu_core.t;'],
  ])('drops a %s, and makes it again', (_, gone, drop) => {
    const { migration, rollback } = draftUnit([gone], [], [])
    expect(migration).toBe(`-- unit: schema\n\nSET LOCAL search_path = pg_catalog, iu_core, pg_temp;\n\n${drop}\n`)
    expect(rollback).toContain(gone.definition.replace('CREATE VIEW ', 'CREATE VIEW iu_core.'))
  })
})

describe('a draft', () => {
  it('that only drops has a verify that can run', () => {
    expect(draftUnit([view], [], []).verify).not.toMatch(/VALUES\s*\)/)
  })

  it('leaves out what did not change, and rows of registries', () => {
    const config: CatalogueObject = { class: 'config', identity: 'a gate', definition: 'x', facts: 'x' }
    expect(draftUnit([table, view], [table, view, config], DEFINITIONS).migration).toBe(NOTHING)
  })

  it('keeps to the given areas', () => {
    const definitions = [define('table', 't', 'T', 'one'), define('view', 'v', 'V', 'two')]
    expect(draftUnit([], [table, view], definitions, ['two']).migration).toBe('-- unit: schema\n\nV\n')
  })

  it('refuses an object without a file of its name', () => {
    expect(() => draftUnit([], [view], [define('table', 'v')])).toThrow('view v has no definition file of its name')
  })
})
