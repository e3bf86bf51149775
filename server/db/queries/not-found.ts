/** The same error that the database's functions raise for a missing object. */
export function notFound(message: string): never {
  throw Object.assign(new Error(message), { code: 'IU003' })
}
