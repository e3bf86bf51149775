import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waiting } from '../commands/beside.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.pool.query('SELECT iu_core.fn_iu_gate_set(\'iu_core.composer_enabled\', true, \'test\')')
})
afterAll(() => db.drop())

const create = (address: string | null, kind: string | null = 'paragraph', body: string | null = 'body') =>
  db.pool.query<{ id: string }>('SELECT iu_core.fn_iu_create($1, $2, $3, \'title\') AS id', [address, kind, body]).then(({ rows }) => rows[0]!.id)
const createBatch = (addresses: (string | null)[] | null, kinds: (string | null)[], bodies: (string | null)[], titles: (string | null)[]) =>
  db.pool.query<{ ids: string[] }>('SELECT iu_core.fn_iu_create_batch($1, $2, $3, $4, \'some/file.md\') AS ids', [addresses, kinds, bodies, titles]).then(({ rows }) => rows[0]!.ids)
const many = (addresses: string[]) => createBatch(addresses, addresses.map(() => 'paragraph'), addresses.map(a => `body of ${a}`), addresses.map(() => ''))
const counts = async () => (await db.pool.query(`SELECT (SELECT count(*)::integer FROM iu_core.information_unit) AS units,
  (SELECT count(*)::integer FROM iu_core.unit_version) AS versions, (SELECT count(*)::integer FROM iu_core.event_outbox) AS events`)).rows[0] as Record<string, number>
const refusedWhole = async (attempt: () => Promise<unknown>, error: object) => {
  const before = await counts()
  await expect(attempt()).rejects.toMatchObject(error)
  expect(await counts()).toEqual(before)
}

describe('one unit', () => {
  it('is born a draft, with version 1, its digest and one iu.created', async () => {
    const body = 'Grüße\r\n\t \u{1f600}'
    const id = await create('docs/one.md', 'heading', body)
    const { rows: [unit] } = await db.pool.query(`SELECT u.*, v.version_seq, v.body, v.byte_length, encode(v.content_digest, 'hex') AS digest, v.created_by AS version_by
      FROM iu_core.information_unit u JOIN iu_core.unit_version v ON v.unit_id = u.id WHERE u.id = $1`, [id])
    expect(unit).toMatchObject({
      canonical_address: 'docs/one.md', unit_kind: 'heading', lifecycle_status: 'draft', current_version_seq: 1, title: 'title', source_path: null, created_by: 'db:iu_deployer',
      version_seq: 1, body, byte_length: Buffer.byteLength(body), digest: createHash('sha256').update(body).digest('hex'), version_by: 'db:iu_deployer',
    })
    const { rows } = await db.pool.query('SELECT event_type, event_domain, payload FROM iu_core.event_outbox WHERE event_subject_table = \'information_unit\' AND event_subject_ref = \'docs/one.md\'')
    expect(rows).toEqual([{ event_type: 'iu.created', event_domain: 'unit', payload: { unit_id: Number(id), canonical_address: 'docs/one.md', unit_kind: 'heading', version_seq: 1 } }])
  })

  it('may have an empty body', async () => {
    const id = await create('empty', 'text', '')
    expect((await db.pool.query('SELECT body, byte_length FROM iu_core.unit_version WHERE unit_id = $1', [id])).rows).toEqual([{ body: '', byte_length: 0 }])
  })

  it('is refused without a body', () => refusedWhole(() => create('bodiless', 'text', null), { code: 'IU002', column: 'body' }))

  it.each(['chapter', 'Paragraph', '', null])('is refused with the unknown kind %j', kind => refusedWhole(() => create('kindless', kind), { code: 'IU002', column: 'unit_kind' }))

  it('is refused an address that is taken', async () => {
    await create('taken')
    await refusedWhole(() => create('taken'), { code: 'IU004', column: 'canonical_address', message: 'canonical_address: taken is taken' })
  })

  it('is refused while the composer gate is closed', async () => {
    await db.pool.query('SELECT iu_core.fn_iu_gate_set(\'iu_core.composer_enabled\', false, \'stock-taking\')')
    await refusedWhole(() => create('late'), { code: 'IU001', column: 'iu_core.composer_enabled', detail: expect.stringContaining('stock-taking') })
    await db.pool.query('SELECT iu_core.fn_iu_gate_set(\'iu_core.composer_enabled\', true, \'test\')')
  })

  it('can be born by nobody but through the gate', async () => {
    for (const role of ['iu_console', 'iu_reader', 'iu_emitter', 'iu_worker', 'iu_operator', 'iu_approver']) {
      await db.as(role, async (client) => {
        await expect(client.query('SELECT iu_core.fn_iu_create(\'intruder\', \'text\', \'\')')).rejects.toMatchObject({ code: '42501' })
        await expect(client.query('INSERT INTO iu_core.information_unit (canonical_address, unit_kind) VALUES (\'intruder\', \'text\')')).rejects.toMatchObject({ code: '42501' })
      })
    }
  })
})

describe('an address', () => {
  it.each(['a', 'a.b', 'a/b', '0', '_', '-', 'a-b_c.d/e0', 'x'.repeat(512)])('may be %j', async (address) => {
    await create(address)
  })

  it.each([
    null, '', 'A', 'ä', 'a b', 'a//b', 'a..b', 'a./b', '/a', 'a/', '.a', 'a.', 'a\n', '\na', 'a\tb', 'a:b', 'a\\b', 'a%b', '../a', 'x'.repeat(513), 'а' /* Cyrillic */, 'ı', 'a\u0301',
  ])('may not be %j', async (address) => {
    await refusedWhole(() => create(address), { code: 'IU002', column: 'canonical_address' })
  })

  it('is checked by the table as well', async () => {
    await expect(db.pool.query('INSERT INTO iu_core.information_unit (canonical_address, unit_kind) VALUES (\'Not An Address\', \'text\')'))
      .rejects.toMatchObject({ constraint: 'information_unit_address_chk' })
  })
})

describe('a batch', () => {
  it('is born in the given order, ids and events alike', async () => {
    const addresses = Array.from({ length: 500 }, (_, i) => `batch/${(i * 7919) % 500}`)
    const ids = await createBatch(addresses, addresses.map((_, i) => i % 2 ? 'heading' : 'paragraph'), addresses.map((_, i) => `body ${i}`), addresses.map((_, i) => i % 3 ? `title ${i}` : null))
    const { rows } = await db.pool.query(`SELECT u.canonical_address, u.unit_kind, u.title, u.source_path, v.body
      FROM unnest($1::bigint[]) WITH ORDINALITY AS g(id, n) JOIN iu_core.information_unit u USING (id) JOIN iu_core.unit_version v ON v.unit_id = u.id ORDER BY n`, [ids])
    expect(rows).toEqual(addresses.map((canonical_address, i) => ({
      canonical_address, unit_kind: i % 2 ? 'heading' : 'paragraph', title: i % 3 ? `title ${i}` : '', source_path: 'some/file.md', body: `body ${i}`,
    })))
    const { rows: events } = await db.pool.query<{ ref: string }>('SELECT event_subject_ref AS ref FROM iu_core.event_outbox WHERE event_subject_ref LIKE \'batch/%\' ORDER BY id')
    expect(events.map(event => event.ref)).toEqual(addresses)
  })

  it('may be empty', async () => {
    const before = await counts()
    expect(await many([])).toEqual([])
    expect(await counts()).toEqual(before)
  })

  it.each<[string, Parameters<typeof createBatch>, object]>([
    ['one bad address', [['b/1', 'B/2'], ['text', 'text'], ['', ''], ['', '']], { code: 'IU002', column: 'canonical_address', message: 'canonical_address: "B/2" is not an address' }],
    ['one missing address', [['b/1', null], ['text', 'text'], ['', ''], ['', '']], { code: 'IU002', column: 'canonical_address', message: 'canonical_address: "null" is not an address' }],
    ['one missing body', [['b/1', 'b/2'], ['text', 'text'], ['', null], ['', '']], { code: 'IU002', column: 'body' }],
    ['one unknown kind', [['b/1', 'b/2'], ['text', 'prose'], ['', ''], ['', '']], { code: 'IU002', column: 'unit_kind' }],
    ['one missing kind', [['b/1', 'b/2'], ['text', null], ['', ''], ['', '']], { code: 'IU002', column: 'unit_kind' }],
    ['the same address twice', [['b/1', 'b/1'], ['text', 'text'], ['', ''], ['', '']], { code: 'IU004', column: 'canonical_address', message: expect.stringContaining('given twice') }],
    ['too few kinds', [['b/1', 'b/2'], ['text'], ['', ''], ['', '']], { code: 'IU002', column: 'canonical_addresses' }],
    ['too many bodies', [['b/1'], ['text'], ['', ''], ['']], { code: 'IU002', column: 'canonical_addresses' }],
    ['too few titles', [['b/1'], ['text'], [''], []], { code: 'IU002', column: 'canonical_addresses' }],
    ['no addresses at all', [null, ['text'], [''], ['']], { code: 'IU002', column: 'canonical_addresses' }],
  ])('is refused whole for %s', (_, args, error) => refusedWhole(() => createBatch(...args), error))

  it('is refused whole for one address that is taken, and names it', async () => {
    await create('b/taken')
    await refusedWhole(() => many(['b/free', 'b/taken', 'b/free-too']), { code: 'IU004', message: 'canonical_address: b/taken is taken' })
  })
})

describe('births at the same time', () => {
  it('give an address to exactly one', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => create('race/one')))
    expect(outcomes.filter(outcome => outcome.status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'IU004' })
    expect((await db.pool.query('SELECT FROM iu_core.information_unit u JOIN iu_core.unit_version v ON v.unit_id = u.id WHERE canonical_address = \'race/one\'')).rowCount).toBe(1)
  })

  it('wait for the one that came first, and take the address if it is given up', async () => {
    const first = await db.connect()
    await first.query('BEGIN')
    await first.query('SELECT iu_core.fn_iu_create(\'race/given-up\', \'text\', \'first\')')
    const second = create('race/given-up', 'text', 'second')
    expect(await Promise.race([second.then(() => 'done', () => 'failed'), waiting(db, 1).then(() => 'waits')])).toBe('waits')
    await first.query('ROLLBACK')
    const id = await second
    expect((await db.pool.query('SELECT body FROM iu_core.unit_version WHERE unit_id = $1', [id])).rows).toEqual([{ body: 'second' }])
    await first.end()
  })

  it('of different addresses do not wait for each other', async () => {
    const first = await db.connect()
    await first.query('BEGIN')
    await first.query('SELECT iu_core.fn_iu_create(\'race/left\', \'text\', \'\')')
    await create('race/right')
    await first.query('ROLLBACK')
    await first.end()
  })
})
