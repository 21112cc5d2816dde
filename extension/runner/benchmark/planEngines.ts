/** Which of a plan's engines this machine has. */
import { FffError, toWireError } from '../../errors';
import { engineSpecText, parseEngineSpec } from './engineSpec';
import type { EngineSpec } from './engineSpec';
import { availableEngines } from './engines/registry';
import type { EngineServices, MissingEngine } from './engines/registry';
import type { Plan } from './plan';

/**
 * The plan's engines that are there, and why others are not. A kernel that does not load takes only the FFF engines with it.
 *
 * @throws FffError BAD_INPUT where none is there.
 */
export async function enginesOfPlan(
  plan: Plan,
  services: EngineServices,
): Promise<{ specs: EngineSpec[]; missing: MissingEngine[] }> {
  const named = plan.engines.map(parseEngineSpec);
  let broken: MissingEngine[] = [];
  let usable = named;
  try {
    services.kernel();
  } catch (thrown) {
    const reason = toWireError(thrown).message;
    broken = named.filter(({ engine }) => engine === 'fff').map((spec) => ({ engine: engineSpecText(spec), reason }));
    usable = named.filter(({ engine }) => engine !== 'fff');
  }
  const { specs, missing } = await availableEngines(usable, services);
  if (specs.length === 0) {
    throw new FffError(
      'BAD_INPUT',
      `None of the plan's engines is available here: ${[...broken, ...missing].map(({ engine, reason }) => `${engine} (${reason})`).join('; ')}.`,
      'Name other engines.',
    );
  }
  return { specs, missing: [...broken, ...missing] };
}
