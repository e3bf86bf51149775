import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { makePassword } from '../../../server/commands/first-admin.ts'
import { hashPassword, passwordKey } from '../../../server/commands/password.ts'

const salt = randomBytes(16)
const hex = async (password: string, with_ = salt) => (await passwordKey(password, with_)).toString('hex')

describe('the key of a password', () => {
  it('is the same for the same password and salt, and another for any other', async () => {
    expect(await hex('correct horse')).toBe(await hex('correct horse'))
    expect(await hex('correct horse')).not.toBe(await hex('correct horsE'))
    expect(await hex('correct horse')).not.toBe(await hex('correct horse', randomBytes(16)))
  })

  it('does not depend on how a keyboard composes its letters', async () => {
    expect(await hex('caf\u00E9')).toBe(await hex('cafe\u0301'))
  })

  it('is known by its SHA-256 only', async () => {
    const { password_salt, password_verifier } = await hashPassword('correct horse')
    const key = await passwordKey('correct horse', Buffer.from(password_salt, 'hex'))
    expect(password_verifier).toBe(createHash('sha256').update(key).digest('hex'))
    expect((await hashPassword('correct horse')).password_salt).not.toBe(password_salt)
  })

  it('is made for many at once, one after the other', async () => {
    const passwords = ['a', 'b', 'c', 'd']
    expect(new Set(await Promise.all(passwords.map(password => hex(password)))).size).toBe(4)
  })
})

it('a made password is long, and never the same', () => {
  const made = Array.from({ length: 100 }, makePassword)
  expect(new Set(made).size).toBe(100)
  for (const password of made) expect(password).toMatch(/^[A-Za-z0-9]{24}$/)
})
