/** Whether a key belongs to an input method that is composing: its Enter takes a word over, its Escape drops it. */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229
