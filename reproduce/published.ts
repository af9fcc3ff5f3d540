/** @file Architectures that were published, with what we count in them. */

/**
 * An architecture that the authors of "Shapley Pruning for Neural Network Compression" (arXiv:2407.15875) name in their
 * public code. Parameters and MACs are not theirs: they are counted by us in the architecture as their code builds it.
 */
export interface PublishedArchitecture {
  readonly name: string;
  readonly parameters: number;
  readonly macs: number;
}

export const published = {
  lenet: { name: "LeNet-5 10-20-100-25", parameters: 40_225, macs: 0.499e6 },
  lenetDefault: { name: "LeNet-5 8-20-50-20", parameters: 21_564, macs: 0.388e6 },
  lenetSmall: { name: "LeNet-5 8-9-36-17", parameters: 8_080, macs: 0.236e6 },
  vgg16: { name: "VGG-16", parameters: 14.99e6, macs: 313.5e6 },
  vgg16Small: {
    name: "VGG-16 34-34-60-60-70-101-97-88-95-85-86-67-61, 55",
    parameters: 0.638e6,
    macs: 40.9e6,
  },
  resnet56: { name: "ResNet-56", parameters: 0.853e6, macs: 125.5e6 },
  resnet56Small: { name: "ResNet-56, 11/18/30 inside the blocks", parameters: 0.426e6, macs: 72.2e6 },
  resnet50: { name: "ResNet-50", parameters: 25.56e6, macs: 4.09e9 },
  resnet50Inner: { name: "ResNet-50, 42/80/130/250 inside the blocks", parameters: 12.46e6, macs: 2.05e9 },
  resnet50Outer: {
    name: "ResNet-50, inside as before, outside 50/240/390/704/1648",
    parameters: 9.7e6,
    macs: 1.68e9,
  },
} as const satisfies Record<string, PublishedArchitecture>;
