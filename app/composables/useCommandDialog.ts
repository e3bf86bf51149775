import type { Receipt } from '~~/shared/commands/receipt'

/** What the dialog is opened for: a command with what is known of its parameters, or a run that is to be undone. */
export interface CommandIntent {
  command: string
  /** known already: shown as facts, sent as they are */
  params?: Record<string, unknown>
  /** known, and to be changed: the fields begin with them */
  draft?: Record<string, unknown>
  title?: string
  /** the piece whose present text the field `body` begins with */
  text?: { address: string, unit: number }
}

interface Asked extends CommandIntent {
  /** tells two requests for the same apart */
  id: number
  /** the run that is undone */
  run?: number
}

/** What was done last, told once more after the dialog is closed. */
export interface Told {
  receipt: Receipt
  label: string
  isVerified: boolean
}

/** The one dialog in which every command is planned, applied, verified and undone; the layout shows it. */
export function useCommandDialog() {
  const asked = useState<Asked | undefined>('command-asked')
  const told = useState<Told | undefined>('command-told')
  function ask(intent: CommandIntent & { run?: number }) {
    told.value = undefined
    asked.value = { ...intent, id: (asked.value?.id ?? 0) + 1 }
  }
  return {
    asked,
    told,
    open: (intent: CommandIntent) => ask(intent),
    openUndo: (run: { run: number, command: string }) => ask(run),
    close: (last?: Told) => {
      asked.value = undefined
      told.value = last
    },
  }
}
