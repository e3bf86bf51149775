/** One way to get from "event enqueued" to "decision durable". */
export interface Contestant {
  name: string
  /** makes its tables in an empty database, and connects */
  prepare: (url: string) => Promise<void>
  /** enqueues events in bulk; not measured */
  load: (events: number) => Promise<void>
  /** works until nothing is left; this is what is measured */
  drain: () => Promise<void>
  close: () => Promise<void>
}
