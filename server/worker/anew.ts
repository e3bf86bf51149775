import type { Client } from 'pg'

/** A connection that is made when it is needed: after a fault the next work has a new one, whatever state the last one is in. */
export function connectAnew(connect: () => Promise<Client>): { within: <T>(work: (client: Client) => Promise<T>) => Promise<T>, close: () => Promise<void> } {
  let client: Client | undefined
  const close = async (): Promise<void> => {
    const last = client
    client = undefined
    await last?.end()
  }
  return {
    close,
    async within(work) {
      try {
        client ??= await connect()
        return await work(client)
      }
      catch (error) {
        await close()
        throw error
      }
    },
  }
}
