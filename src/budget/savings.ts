/** @file What a step saves while others have gone before it. */
import type { Cost, CostModel } from "../channels/cost.ts";
import type { Step } from "./removals.ts";

/** Sizes of all counted axes while channels go, and the costs that follow from them. */
export interface Ledger {
  readonly cost: () => Cost;
  /** What a step would save now, in MACs and parameters. */
  savingOf(step: Step): Cost;
  /** Carries a step out; returns the groups whose savings it changes. */
  take(step: Step): ReadonlySet<number>;
  /** Puts the channels of a step back. */
  restore(step: Step): void;
}

/**
 * Costs are sums of products of axis sizes, so a step touches only the products its axes are in, and changes only
 * the savings of groups that share such a product.
 */
export function ledgerOf(model: CostModel): Ledger {
  const sizes = Float64Array.from(model.axes, ({ size }) => size); // whole numbers, so nothing is lost on the way
  const tables = { macs: tableOf(model, model.macs), parameters: tableOf(model, model.parameters) };
  const groupsOnAxis = axisGroups(model);

  const shrinkOf = ({ group, channels }: Step): Map<number, number> => {
    const shrink = new Map<number, number>();
    for (const channel of channels) {
      for (const { axis, positions } of model.uses[group]![channel]!)
        shrink.set(axis, (shrink.get(axis) ?? 0) + positions);
    }
    return shrink;
  };
  const productOf = ({ coefficient, axes }: Product, shrink?: ReadonlyMap<number, number>) => {
    let product = coefficient;
    for (const axis of axes) product *= (sizes[axis]! - (shrink?.get(axis) ?? 0)) / model.axes[axis]!.divisor;
    return product;
  };
  const savedIn = ({ products, onAxis }: Table, shrink: ReadonlyMap<number, number>) => {
    const touched = new Set<number>();
    for (const axis of shrink.keys()) for (const product of onAxis[axis]!) touched.add(product);
    let saved = 0;
    for (const product of touched)
      saved += productOf(products[product]!) - productOf(products[product]!, shrink);
    return saved;
  };
  const savingOf = (step: Step): Cost => {
    const shrink = shrinkOf(step);
    return { macs: savedIn(tables.macs, shrink), parameters: savedIn(tables.parameters, shrink) };
  };
  const totalOf = ({ products }: Table) => products.reduce((sum, product) => sum + productOf(product), 0);
  let cost = { macs: totalOf(tables.macs), parameters: totalOf(tables.parameters) };
  return {
    cost: () => cost,
    savingOf,
    take(step) {
      const saved = savingOf(step);
      cost = { macs: cost.macs - saved.macs, parameters: cost.parameters - saved.parameters };
      const shrink = shrinkOf(step);
      const groups = new Set<number>();
      for (const [axis, by] of shrink) {
        sizes[axis]! -= by;
        for (const { products, onAxis } of Object.values(tables)) {
          for (const product of onAxis[axis]!)
            for (const other of products[product]!.axes)
              for (const group of groupsOnAxis[other]!) groups.add(group);
        }
      }
      return groups;
    },
    restore(step) {
      for (const [axis, by] of shrinkOf(step)) sizes[axis]! += by;
      const saved = savingOf(step);
      cost = { macs: cost.macs + saved.macs, parameters: cost.parameters + saved.parameters };
    },
  };
}

type Product = CostModel["macs"][number];

interface Table {
  readonly products: readonly Product[];
  /** onAxis[axis]: the products it is a factor of. */
  readonly onAxis: readonly (readonly number[])[];
}

function tableOf(model: CostModel, products: readonly Product[]): Table {
  const onAxis = model.axes.map((): number[] => []);
  products.forEach(({ axes }, product) => {
    for (const axis of new Set(axes)) onAxis[axis]!.push(product);
  });
  return { products, onAxis };
}

function axisGroups(model: CostModel): Set<number>[] {
  const groups = model.axes.map(() => new Set<number>());
  model.uses.forEach((channels, group) => {
    for (const uses of channels) for (const { axis } of uses) groups[axis]!.add(group);
  });
  return groups;
}
