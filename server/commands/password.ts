import { createHash, randomBytes, scrypt } from 'node:crypto'

/** OWASP's second choice for scrypt: 32 MiB, three rounds. A change makes every password invalid. */
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }

/** One at a time: a crowd at the door must not take all memory. */
let last: Promise<unknown> = Promise.resolve()

/** The key that stands for a password in this account: 32 bytes. The password itself never leaves this process. */
export function passwordKey(password: string, salt: Buffer): Promise<Buffer> {
  const key = last.then(() => new Promise<Buffer>((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, 32, COST, (error, made) => error ? reject(error) : resolve(made))
  }))
  last = key.catch(() => {})
  return key
}

/** What the database keeps of a new password, hex: a salt, and the SHA-256 of the key. */
export async function hashPassword(password: string): Promise<{ password_salt: string, password_verifier: string }> {
  const salt = randomBytes(16)
  const verifier = createHash('sha256').update(await passwordKey(password, salt)).digest('hex')
  return { password_salt: salt.toString('hex'), password_verifier: verifier }
}
