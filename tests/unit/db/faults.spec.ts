import { DrizzleQueryError } from 'drizzle-orm/errors'
import { describe, expect, test } from 'vitest'
import { ConnectionSilent, DatabaseAway, type Fault, faultOf, isPassing, rootOf, stateOf } from '../../../server/db/faults.ts'

const coded = (code: string, message = 'said', more = {}) => Object.assign(new Error(message), { code, ...more })

describe('a fault', () => {
  test.each<[Fault, string[]]>([
    ['conflict', ['40001', '40P01', '40003', '55P03']],
    ['timeout', ['57014']],
    ['away', ['08000', '08006', '08P01', '57P01', '57P02', '57P03', '57P05', '25P03', '25P04', '25006', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']],
    ['exhausted', ['53000', '53100', '53200', '53300', '53400', '58000', '58030', '58P01', 'EMFILE']],
    ['undeployed', ['42P01', '42703', '42883', '3F000']],
    ['denied', ['42501']],
    ['unknown_login', ['28000', '28P01', '3D000']],
  ])('is %s', (fault, codes) => {
    for (const code of codes) {
      expect([code, faultOf(coded(code))]).toEqual([code, fault])
      expect(faultOf(new DrizzleQueryError('SELECT', [], coded(code)))).toBe(fault)
      expect(isPassing(coded(code))).toBe(['conflict', 'timeout', 'away', 'exhausted'].includes(fault))
    }
  })

  test('is none where it is a refusal, or wrong in the program', () => {
    for (const code of ['IU002', '22P02', '23505', '42601', '54000', 'XX000', '0A000', 'P0001', 'ENOENT', 'ENOSPC', 'E_ARG']) expect([code, faultOf(coded(code))]).toEqual([code, undefined])
    expect(faultOf(new TypeError('x is not a function'))).toBeUndefined()
  })

  test('is away where pg has no code for it, or the connection was silent', () => {
    for (const message of ['Connection terminated', 'Connection terminated unexpectedly', 'Connection terminated due to connection timeout', 'timeout exceeded when trying to connect', 'timeout expired',
      'Client has encountered a connection error and is not queryable', 'Client was closed and is not queryable', 'Query read timeout']) expect([message, faultOf(new Error(message))]).toEqual([message, 'away'])
    for (const error of [new ConnectionSilent('x'), new DatabaseAway('x'), new DatabaseAway('x', { cause: new Error('y') }), new DrizzleQueryError('SELECT', [], new Error('odd'))]) expect(faultOf(error)).toBe('away')
    expect(faultOf(coded('ENOENT', 'connect ENOENT /run/.s.PGSQL.5432', { syscall: 'connect' }))).toBe('away')
    expect(faultOf(coded('0A000', 'cached plan must not change result type', { routine: 'RevalidateCachedQuery' }))).toBe('away')
  })

  test('is told by what is at its root', () => {
    const root = coded('53100', 'could not extend file')
    expect(rootOf(new DatabaseAway('x', { cause: new Error('y', { cause: root }) }))).toBe(root)
    expect([stateOf(new Error('x', { cause: root })), stateOf(coded('EPIPE')), stateOf(new Error('x'))]).toEqual(['53100', undefined, undefined])
  })
})
