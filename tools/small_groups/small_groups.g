# Prints one JSON object a line for every group of order 1 … 127 of GAP's small groups library:
# its rows of the Cayley table for a small generating set, its name, and its character table.
# Elements are numbered from 0 in GAP's sorted order (the identity is 0); classes by their representative's number.
# Run by make_data.py.

LoadPackage("smallgrp");
SetPrintFormattingStatus("*stdout*", false);

NiceGenerators := function(G)
    if IsTrivial(G) then return []; fi;
    if IsAbelian(G) then return IndependentGeneratorsOfAbelianGroup(G); fi;
    if IsSolvableGroup(G) then return MinimalGeneratingSet(G); fi;
    return SmallGeneratingSet(G);
end;

AsCoefficients := function(value)
    local conductor;
    conductor := Conductor(value);
    return [conductor, CoeffsCyc(value, conductor)];
end;

PrintCharacters := function(G, elements)
    local table, irreps, values, class_numbers;
    table := CharacterTable(G);
    irreps := List(Irr(table), ValuesOfClassFunction);
    values := Set(Concatenation(irreps));
    class_numbers := List(ConjugacyClasses(table), c -> PositionSorted(elements, Representative(c)) - 1);
    Print(",\"classes\":", class_numbers, ",\"values\":", List(values, AsCoefficients));
    Print(",\"characters\":", List(irreps, row -> List(row, v -> PositionSorted(values, v) - 1)));
    Print(",\"indicators\":", Indicator(table, 2));
end;

PrintGroup := function(order, id)
    local G, elements, rows;
    G := SmallGroup(order, id);
    elements := AsSSortedList(G);
    rows := List(NiceGenerators(G), g -> List(elements, x -> PositionSorted(elements, g * x) - 1));
    Print("{\"order\":", order, ",\"id\":", id, ",\"name\":\"", StructureDescription(G), "\",\"rows\":", rows);
    Print(",\"dimensions\":", CharacterDegrees(G), ",\"abelian\":", IsAbelian(G));
    if not IsAbelian(G) then PrintCharacters(G, elements); fi;
    Print("}\n");
end;

Print("{\"gap\":\"", GAPInfo.Version, "\",\"smallgrp\":\"", PackageInfo("smallgrp")[1].Version, "\"}\n");
for order in [1 .. 127] do
    for id in [1 .. NumberSmallGroups(order)] do
        PrintGroup(order, id);
    od;
od;
QUIT;
