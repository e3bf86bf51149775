import { readdirSync } from 'node:fs'
import type { OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { type Right, RIGHTS } from '../../shared/commands/contract.ts'
import { receiptSchema } from '../../shared/commands/receipt.ts'
import type { ReadModels } from '../../shared/read-models/registry.ts'
import { COMMAND_RIGHTS, tableUnder } from '../db/roles/rights.ts'
import { PASSWORD } from './support/accounts.ts'
import { ask } from './support/ask.ts'
import { command, CREATE, document, piece, problemOf, stageOfFile } from './support/stage.ts'

const stage = stageOfFile()

const PAGES = join(import.meta.dirname, '../../app/pages')
const ROUTE_RIGHTS = tableUnder('HTTP').map(({ method, path, right }) => ({
  method: method!, right: right!, fits: (asked: string) => path === 'every other page' || (path!.endsWith('*') ? asked.startsWith(path!.slice(0, -1)) : asked === path),
}))

/** Whether the page of rights lets a right ask for this. */
function mayAsk(right: string, method: string, path: string): boolean {
  const needed = ROUTE_RIGHTS.find(row => row.method === method && row.fits(path))!.right
  if (needed === 'anybody') return true
  const ofCommand = COMMAND_RIGHTS.find(row => path === command(row.command))?.right
  return RIGHTS.indexOf(right as Right) >= RIGHTS.indexOf((needed.endsWith('and the command\'s right') && ofCommand ? ofCommand : 'reviewer') as Right)
}

const inADay = () => new Date(Date.now() + 86_400_000).toISOString()

test('a right that is missing forbids', async () => {
  await stage.expectRefused(() => stage.reviewer.command('dot_iu_create_piece', piece()), 403, 'forbidden', CREATE)
  await stage.expectRefused(() => stage.operator.command('dot_iu_open_gate', { mode: 'plan', params: { gate: 'iu_core.autocut_enabled' } }), 403, 'forbidden', command('dot_iu_open_gate'))
  await stage.expectRefused(() => stage.approver.command('dot_iu_disable_account', { mode: 'plan', params: { account: 'reviewer' } }), 403, 'forbidden', command('dot_iu_disable_account'))
  await stage.expectRefused(() => stage.reviewer.command('dot_iu_set_password', { mode: 'apply', params: { account: 'manager', password: 'taking over the house' } }), 403, 'forbidden', command('dot_iu_set_password'))
})

test('without a session nothing answers but signing in and being alive', async () => {
  const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.keys(item).map(method => ({ path, method })))
  const before = await stage.world.rows()
  for (const { path, method } of operations) {
    if (path === '/api/health/live' || (path === '/api/session' && method === 'post')) continue
    for (const headers of [{}, { cookie: 'iu-session=made-up' }, { authorization: 'Bearer ius_made_up' }, { authorization: 'Basic bWFuYWdlcjpwYXNz' }] as OutgoingHttpHeaders[]) {
      const answer = await ask(stage.world.origin, path, { method: method.toUpperCase(), headers: { origin: stage.world.origin, ...headers }, ...(method === 'post' ? { body: { mode: 'verify', run: 1 } } : {}) })
      expect([method, path, headers, answer.status], answer.text).toEqual([method, path, headers, 401])
      expect(problemOf(answer, path, method).code).toBe('unauthenticated')
      expect(answer.headers['www-authenticate']).toBe('Bearer')
      if (!headers.cookie) expect(answer.headers['set-cookie']).toBeUndefined()
    }
  }
  expect(await stage.world.rows()).toEqual(before)
  expect((await ask(stage.world.origin, '/api/health/live')).status).toBe(200)
  const unknown = await ask(stage.world.origin, '/api/no/such/model')
  expect(problemOf(unknown).code).toBe('unauthenticated')
})

test('an account that is disabled is out with its next request', async () => {
  await stage.manager.carry('dot_iu_add_account', { account: 'leaver', right: 'operator', password: PASSWORD })
  const leaver = await stage.world.signIn('leaver')
  const token = (await leaver.carry('dot_iu_issue_token', { label: 'left behind', scopes: ['*'], expires_at: inADay() })).secret!.token!
  expect((await leaver.ask('/api/session')).status).toBe(200)
  await stage.manager.carry('dot_iu_disable_account', { account: 'leaver' })
  await stage.expectRefused(() => leaver.command('dot_iu_create_piece', piece()), 401, 'unauthenticated', CREATE)
  await stage.expectRefused(() => leaver.ask('/api/session'), 401, 'unauthenticated', '/api/session', 'get')
  await stage.expectRefused(() => ask(stage.world.origin, CREATE, { method: 'POST', body: piece(), headers: { authorization: `Bearer ${token}` } }), 401, 'unauthenticated', CREATE)
})

test('guesses at one\'s own present password end, and the description says so', async () => {
  await stage.manager.carry('dot_iu_add_account', { account: 'guesser', right: 'reviewer', password: PASSWORD })
  const guesser = await stage.world.signIn('guesser')
  const path = command('dot_iu_set_password')
  const statuses: number[] = []
  for (let guess = 0; guess < 7; guess++) {
    const answer = await guesser.command('dot_iu_set_password', { mode: 'apply', params: { account: 'guesser', password: 'another password of mine', current_password: `a guess number ${guess}` } })
    problemOf(answer, path)
    statuses.push(answer.status)
  }
  expect(statuses.at(-1), statuses.join()).toBe(429)
})

test('as each right, every route answers whom docs/rights.md says', async () => {
  const files = readdirSync(PAGES, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.vue'))
  const pages = files.map(file => `/${file.replace(/(^|\/)index\.vue$|\.vue$/, '').replace('[...address]', 'first.md').replace(/\[[^\]]+\]/, '1')}`)
  const asked = [
    ...Object.entries(document.paths).flatMap(([path, item]) => Object.keys(item).map(method => ({ method: method.toUpperCase(), path }))),
    ...COMMAND_RIGHTS.map(({ command: code }) => ({ method: 'POST', path: command(code) })),
    ...[...pages, '/no/such/page', '/api/no/such/model'].map(path => ({ method: 'GET', path })),
    // It ends the session that it is asked with.
  ].sort((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'))
  expect(pages).toContain('/collections/first.md')
  // Of each command a run that can be verified: what is in the way is the right alone.
  const { rows } = await stage.world.db.query<{ command: string, run: number }>(`
    INSERT INTO iu_core.dot_iu_command_run (command_code, mode, status, actor, actor_kind, params, param_digest, receipt, started_at)
    SELECT command_code, 'apply', 'succeeded', 'somebody', 'owner', '{}', sha256('{}'), jsonb_build_object('command', command_code, 'checks', '[]'::jsonb), now()
    FROM iu_core.dot_iu_command RETURNING command_code AS command, id::int AS run`)
  const runs = new Map(rows.map(row => [command(row.command), row.run]))
  const bodyFor = (path: string, account: string) => path === '/api/session' ? { account, password: 'wrong' } : { mode: 'verify', run: runs.get(path) ?? 1 }
  const before = await stage.world.rows()

  for (const right of ['none', ...RIGHTS]) {
    const account = right === 'admin' ? 'manager' : right
    const headers = right === 'none' ? { origin: stage.world.origin } : (await stage.world.signIn(account)).headers
    for (const { method, path } of asked) {
      const answer = await ask(stage.world.origin, path, { method, headers, ...(method === 'POST' ? { body: bodyFor(path, account) } : {}) })
      const isIn = !(answer.status === 302 && String(answer.headers.location).startsWith('/sign-in'))
        && (answer.status === 200 || !['unauthenticated', 'forbidden'].includes(answer.text.startsWith('{') ? answer.json().code as string : ''))
      expect({ right, method, path, isIn }, answer.text.slice(0, 300)).toEqual({ right, method, path, isIn: mayAsk(right, method, path) })
      if (!isIn && path.startsWith('/api/')) expect(answer.status).toBe(right === 'none' ? 401 : 403)
    }
  }
  expect(await stage.world.rows()).toEqual(before)
})

test('another site cannot use the session', async () => {
  const { cookie } = stage.operator.headers
  for (const headers of [
    {}, { origin: 'http://elsewhere.example' }, { origin: 'null' }, { origin: 'http://127.0.0.1:1' }, { origin: stage.world.origin.replace('127.0.0.1', 'localhost') }, { origin: `${stage.world.origin}.example` }, { origin: 'no url' },
    // Any header of this name but a token's is no token.
    { origin: 'http://elsewhere.example', authorization: 'Basic eDp5' }, { authorization: 'Bearer' },
  ] as OutgoingHttpHeaders[]) {
    for (const path of [CREATE, command('no_such_command')]) await stage.expectRefused(() => ask(stage.world.origin, path, { method: 'POST', body: piece(), headers: { cookie, ...headers } }), 403, 'cross_origin', path)
  }
  await stage.expectRefused(() => ask(stage.world.origin, '/api/session', { method: 'POST', body: { account: 'operator', password: PASSWORD }, headers: { origin: 'http://elsewhere.example' } }), 403, 'cross_origin', '/api/session')
  await stage.expectRefused(() => ask(stage.world.origin, '/api/session', { method: 'DELETE', headers: { cookie, origin: 'http://elsewhere.example' } }), 403, 'cross_origin', '/api/session', 'delete')
  expect((await stage.operator.ask('/api/session')).status).toBe(200)
})

test('a token needs no origin, and does what its scopes say and nothing else', async () => {
  const tokenOf = async (...scopes: string[]) => (await stage.operator.carry('dot_iu_issue_token', { label: scopes.join(), scopes, expires_at: inADay() })).secret!.token!
  const [reading, creating, all] = [await tokenOf('read'), await tokenOf('dot_iu_create_piece'), await tokenOf('*')]
  const as = (token: string, path: string, body?: unknown) => ask(stage.world.origin, path, { headers: { authorization: `Bearer ${token}` }, ...(body === undefined ? {} : { method: 'POST', body }) })
  const created = (address: string) => piece({ address })

  expect((await as(reading, '/api/gates')).status).toBe(200)
  await stage.expectRefused(() => as(reading, CREATE, created('spec/read')), 403, 'forbidden', CREATE)

  expect((await as(creating, CREATE, created('spec/scoped'))).status).toBe(200)
  for (const path of ['/api/gates', '/api/ledger', '/api/openapi', '/api/session', '/api/collections/render?address=first.md']) await stage.expectRefused(() => as(creating, path), 403, 'forbidden', path, 'get')
  const close = command('dot_iu_close_gate')
  await stage.expectRefused(() => as(creating, close, { mode: 'plan', params: { gate: 'iu_core.autocut_enabled' } }), 403, 'forbidden', close)

  expect((await as(all, '/api/gates')).status).toBe(200)
  const receipt = receiptSchema.parse((await as(all, CREATE, created('spec/all'))).json())
  expect(receipt).toMatchObject({ actor: 'operator', status: 'succeeded' })
  // A token is no more than its account.
  await stage.expectRefused(() => as(all, command('dot_iu_open_gate'), { mode: 'plan', params: { gate: 'iu_core.autocut_enabled' } }), 403, 'forbidden', command('dot_iu_open_gate'))
  // It makes no token that can do more than itself, and one that is revoked is dead.
  const { tokens } = (await stage.operator.ask('/api/accounts')).json<ReadModels['accounts']>()
  await stage.operator.carry('dot_iu_revoke_token', { token: tokens.find(({ label }) => label === '*')!.tokenId })
  await stage.expectRefused(() => as(all, '/api/gates'), 401, 'unauthenticated', '/api/gates', 'get')
})

test('another method is not allowed, and the answer says which are', async () => {
  const allowed: [string, string[], string][] = [
    ['/api/gates', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], 'GET, HEAD'],
    ['/api/collections', ['POST', 'DELETE'], 'GET, HEAD'],
    ['/api/commands/contract', ['POST', 'DELETE'], 'GET, HEAD'],
    ['/', ['POST', 'PUT'], 'GET, HEAD'],
    ['/api/session', ['PUT', 'PATCH', 'OPTIONS'], 'GET, HEAD, POST, DELETE'],
    [CREATE, ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], 'POST'],
  ]
  for (const [path, methods, allow] of allowed) {
    for (const method of methods) {
      const before = await stage.world.rows()
      const answer = await stage.manager.ask(path, { method })
      expect([method, path, answer.status], answer.text).toEqual([method, path, 405])
      expect([method, path, answer.headers.allow]).toEqual([method, path, allow])
      if (method !== 'HEAD') expect(problemOf(answer).code).toBe('method_not_allowed')
      expect(await stage.world.rows()).toEqual(before)
    }
  }
})

test('only loopback names are answered', async () => {
  const { port } = new URL(stage.world.origin)
  for (const host of ['iu.example', `iu.example:${port}`, `127.0.0.1.example:${port}`, `127.0.0.1@iu.example:${port}`, `10.0.0.1:${port}`, 'localhost.', 'localhost:65536', '127.0.0.1:99999']) {
    for (const [path, method] of [['/api/health/live', 'GET'], [CREATE, 'POST'], ['/', 'GET'], ['/api/session', 'POST']] as const) {
      const answer = await ask(stage.world.origin, path, { method, headers: { ...stage.manager.headers, host }, ...(method === 'POST' ? { body: piece() } : {}) })
      expect([host, path, answer.status], answer.text).toEqual([host, path, 421])
      expect(problemOf(answer).code).toBe('misdirected_request')
    }
  }
  for (const host of [`localhost:${port}`, `[::1]:${port}`, '127.0.0.1']) expect((await ask(stage.world.origin, '/api/health/live', { headers: { host } })).status).toBe(200)
})

test('HEAD is GET without the body', async () => {
  for (const path of ['/api/gates', '/api/health/live', '/api/openapi', '/api/collections/head?address=first.md', '/api/collections/head?address=no/such', '/api/gates?unknown=1']) {
    const [get, head] = [await stage.manager.ask(path), await stage.manager.ask(path, { method: 'HEAD' })]
    expect([path, head.status, head.text, head.headers['content-type']]).toEqual([path, get.status, '', get.headers['content-type']])
  }
  expect((await ask(stage.world.origin, '/api/gates', { method: 'HEAD' })).status).toBe(401)
})

test('the cookie is for the browser alone, and useless after signing out', async () => {
  const answer = await ask(stage.world.origin, '/api/session', { method: 'POST', headers: { origin: stage.world.origin }, body: { account: 'reviewer', password: PASSWORD } })
  const [cookie] = answer.headers['set-cookie']!
  expect(cookie).toMatch(/^iu-session=[^;]{50,}/)
  expect(cookie).toMatch(/; HttpOnly(;|$)/i)
  expect(cookie).toMatch(/; SameSite=Strict(;|$)/i)
  expect(cookie).toMatch(/; Path=\/(;|$)/i)
  expect(answer.text).toBe('{"status":"signed_in"}')
  const headers = { cookie: cookie!.split(';')[0]!, origin: stage.world.origin }
  expect((await ask(stage.world.origin, '/api/session', { headers })).status).toBe(200)
  const out = await ask(stage.world.origin, '/api/session', { method: 'DELETE', headers })
  expect([out.status, out.text]).toEqual([200, '{"status":"signed_out"}'])
  for (const path of ['/api/session', '/api/gates']) expect((await ask(stage.world.origin, path, { headers })).status).toBe(401)
  expect((await ask(stage.world.origin, '/api/session', { method: 'DELETE', headers })).status).toBe(401)
  // The other sessions of the account go on.
  expect((await stage.reviewer.ask('/api/session')).status).toBe(200)
})

test('a wrong password, a wrong name and a disabled account have one answer, and a crowd of them is told to wait', async () => {
  await stage.manager.carry('dot_iu_add_account', { account: 'gone', right: 'reviewer', password: PASSWORD })
  await stage.manager.carry('dot_iu_disable_account', { account: 'gone' })
  const signIn = (account: string, password: string) => ask(stage.world.origin, '/api/session', { method: 'POST', headers: { origin: stage.world.origin }, body: { account, password } })
  const answers = [await signIn('operator', 'wrong'), await signIn('nobody-there', PASSWORD), await signIn('gone', PASSWORD)]
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401])
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(problemOf(answers[0]!, '/api/session').code).toBe('sign_in_refused')
  for (let n = 0; n < 4; n++) await signIn('nobody-there', 'wrong')
  const throttled = await signIn('nobody-there', 'wrong')
  expect(problemOf(throttled, '/api/session').code).toBe('too_many_attempts')
  expect(Number(throttled.headers['retry-after'])).toBeGreaterThan(0)
})
