#!/usr/bin/env node
/** @file In a clone, npx shapley-pruner runs the sources as they are; the published package brings its own command. */
import { register } from "tsx/esm/api";

register();
await import("../../src/cli/main.ts");
