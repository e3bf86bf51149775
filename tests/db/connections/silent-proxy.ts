import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { LOOPBACK } from '../../../shared/loopback.ts'

/** A way to the server on which connections can fall silent: nobody closes them, and nothing goes through any more. */
export interface SilentProxy {
  /** the address of `url`, by way of the proxy */
  through(url: string): string
  /** silences the connections that there are; new ones pass. How many there were. */
  silence(): number
  /** how many connections there were so far */
  opened(): number
  /** whether new connections are held: taken, and never answered */
  hold(isHeld: boolean): void
  close(): Promise<void>
}

export async function silentProxy(to: string): Promise<SilentProxy> {
  const sockets = new Set<Socket>()
  const passing = new Set<() => void>()
  let isHeld = false
  let opened = 0
  const port = Number(new URL(to).port)
  const server = createServer((near) => {
    const keep = (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket))
    }
    keep(near)
    opened += 1
    if (isHeld) return
    const far = connect(port, LOOPBACK)
    keep(far)
    const pairs = [[near, far], [far, near]] as const
    for (const [from, into] of pairs) {
      from.on('data', chunk => into.write(chunk))
      from.once('end', () => into.end())
      from.once('close', () => {
        into.destroy()
        passing.delete(mute)
      })
    }
    const mute = () => {
      for (const [from] of pairs) from.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close').resume()
    }
    passing.add(mute)
  })
  // Whoever says goodbye to a silent connection gets none back.
  server.on('connection', (socket: Socket) => { socket.allowHalfOpen = true })
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return {
    through: url => Object.assign(new URL(url), { port: String((server.address() as { port: number }).port) }).href,
    silence() {
      const count = passing.size
      for (const mute of passing) mute()
      passing.clear()
      return count
    },
    opened: () => opened,
    hold(held) {
      isHeld = held
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
