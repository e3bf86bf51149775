import { commandsQuery } from '~~/shared/read-models/commands.ts'
import { readCommands } from '~~/server/db/queries/operations.ts'

export default defineRead(commandsQuery, readCommands)
