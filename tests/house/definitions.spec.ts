import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Definition, readDefinitions } from '../../server/deploy/definitions.ts'
import { readUnits } from '../../server/deploy/units.ts'
import { ROOT } from './sources.ts'
import { statements } from './sql.ts'

const DRIZZLE = join(ROOT, 'drizzle')
const definitions = readDefinitions(DRIZZLE)

const KIND = { schemas: 'SCHEMA', tables: 'TABLE', functions: 'FUNCTION', views: 'VIEW', triggers: 'TRIGGER' } as const
/** What a file may say beside its CREATE and its COMMENT. */
const MAY_SAY: Record<keyof typeof KIND, RegExp> = {
  schemas: /^GRANT USAGE ON SCHEMA /,
  tables: /^(?:CREATE (?:UNIQUE )?INDEX |COMMENT ON (?:COLUMN|CONSTRAINT) |GRANT |ALTER TABLE )/,
  functions: /^(?:REVOKE|GRANT) .* ON FUNCTION /,
  views: /^GRANT SELECT ON /,
  triggers: /^ALTER TABLE iu_core\.\w+ ENABLE ALWAYS TRIGGER /,
}
/** Views that only functions and other views read. */
const INTERNAL_VIEWS = ['v_iu_event_archivable', 'v_iu_event_claim', 'v_iu_event_unaudited', 'v_iu_replay_left', 'v_iu_route_decision', 'v_iu_route_rule']

/** What is wrong with the file of an object, in words. */
function wrong({ name, kind, sql }: Pick<Definition, 'name' | 'kind' | 'sql'>): string[] {
  if (kind === 'data') {
    return statements(sql).filter(statement => !/^SELECT iu_core\.fn_\w+ ?\(/.test(statement)).map(statement => `${name}: data is made by functions only, not by ${statement}`)
  }
  const object = kind === 'schemas' || kind === 'triggers' ? name : `iu_core.${name}`
  const creates = new RegExp(`^CREATE ${KIND[kind]} (\\S+?)(?: |\\(|$)`)
  const comments = new RegExp(`^COMMENT ON ${KIND[kind]} ${object.replace('.', '\\.')}(?: |\\()`)
  const said = statements(sql)
  const created = said.flatMap(statement => creates.exec(statement)?.[1] ?? [])
  const rest = said.filter(statement => !creates.test(statement) && !comments.test(statement))
  return [
    ...(created.length === 1 && created[0] === object ? [] : [`${name}: creates ${created.join(', ') || 'nothing'}`]),
    ...(said.filter(statement => comments.test(statement)).length === 1 ? [] : [`${name}: has not one COMMENT`]),
    ...rest.filter(statement => !MAY_SAY[kind].test(statement)).map(statement => `${name}: says ${statement}`),
    ...(kind === 'functions' && !rest.some(statement => /^REVOKE ALL ON FUNCTION .* FROM PUBLIC$/.test(statement)) ? [`${name}: is not revoked from PUBLIC`] : []),
    ...(kind === 'views' && !INTERNAL_VIEWS.includes(name) && !rest.some(statement => statement.startsWith('GRANT SELECT')) ? [`${name}: is granted to nobody`] : []),
  ]
}

describe('a definition file', () => {
  it('holds one object of its name, with its comment and its rights', () => {
    expect(definitions.flatMap(wrong)).toEqual([])
  })

  it('is found wrong in each way', () => {
    const view = (sql: string) => wrong({ name: 'v_iu_x', kind: 'views', sql })
    const good = 'CREATE VIEW iu_core.v_iu_x AS SELECT 1;\nCOMMENT ON VIEW iu_core.v_iu_x IS \'x\';\nGRANT SELECT ON iu_core.v_iu_x TO iu_reader;'
    expect(view(good)).toEqual([])
    expect(view(good.replaceAll('v_iu_x', 'v_iu_y'))).not.toEqual([])
    expect(view(`${good}\nCREATE VIEW iu_core.v_iu_y AS SELECT 1;`)).not.toEqual([])
    expect(view(good.replace(/COMMENT.*/, ''))).not.toEqual([])
    expect(view(good.replace(/GRANT.*/, ''))).not.toEqual([])
    expect(view(`${good}\nDROP TABLE iu_core.x;`)).not.toEqual([])
    expect(wrong({ name: 'fn_iu_x', kind: 'functions', sql: 'CREATE FUNCTION iu_core.fn_iu_x() RETURNS void LANGUAGE sql AS $$ SELECT 1; $$;\nCOMMENT ON FUNCTION iu_core.fn_iu_x() IS \'x\';' })).toEqual(['fn_iu_x: is not revoked from PUBLIC'])
    expect(wrong({ name: 'x', kind: 'data', sql: 'INSERT INTO iu_core.x VALUES (1);' })).toHaveLength(1)
  })

  it('is a view that functions alone read only where that is still so', () => {
    const granted = definitions.filter(({ kind, sql }) => kind === 'views' && /^GRANT/m.test(sql)).map(({ name }) => name)
    expect(INTERNAL_VIEWS.filter(name => granted.includes(name) || !definitions.some(definition => definition.name === name))).toEqual([])
  })
})

describe('a data unit', () => {
  it('calls functions and does nothing else, either way', () => {
    const units = readUnits(DRIZZLE).filter(({ kind }) => kind === 'data')
    expect(units.length).toBeGreaterThan(0)
    expect(units.flatMap(({ tag, migration, rollback }) => wrong({ name: tag, kind: 'data', sql: `${migration}\n${rollback}` }))).toEqual([])
  })
})
