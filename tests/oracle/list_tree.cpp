// list-tree DIRECTORY: what a program sees there, in the words of tree_listing.h.
#include "tree_listing.h"

int main(int count, char** arguments) {
    if (count != 2) {
        std::fputs("list-tree: name one directory\n", stderr);
        return 2;
    }
    oracle::list_tree(arguments[1], {}, stdout);
    return 0;
}
