import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { LOOPBACK } from '../../../shared/loopback.ts'

/** A way to the database that can be taken away: then it refuses connections, as a server does that was stopped. */
export interface Gateway {
  /** The address of `url`, by way of the gateway. */
  through: (url: URL) => URL
  takeAway: () => Promise<void>
  bringBack: () => Promise<void>
}

/** Opens a gateway to the server at `to`. */
export async function openGateway(to: URL): Promise<Gateway> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(to.port), LOOPBACK)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket))
    }
    near.pipe(far).pipe(near)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  })
  const listen = async (port: number) => {
    server.listen(port, LOOPBACK)
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  }
  const port = await listen(0)
  return {
    through: url => Object.assign(new URL(url), { port: String(port) }),
    takeAway: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    bringBack: async () => {
      await listen(port)
    },
  }
}
