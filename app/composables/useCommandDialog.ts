import type { Receipt } from '~~/shared/commands/receipt'
import type { Draft, Typed } from '~/utils/draft'

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

export interface Asked extends CommandIntent {
  /** tells two requests for the same apart */
  id: number
  /** the run that is undone */
  run?: number
  /** what was typed before the page was loaded anew */
  typed?: Typed
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
  function ask(intent: Omit<Asked, 'id'>) {
    told.value = undefined
    asked.value = { ...intent, id: (asked.value?.id ?? 0) + 1 }
  }
  return {
    asked,
    told,
    open: (intent: CommandIntent) => ask(intent),
    /** Opens it once more, with what had been typed. */
    openDraft: ({ asked: { id: _, ...intent }, typed }: Draft) => ask({ ...intent, typed }),
    openUndo: (run: { run: number, command: string }) => ask(run),
    close: (last?: Told) => {
      forgetDraft()
      asked.value = undefined
      told.value = last
    },
  }
}
