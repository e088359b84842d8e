/* A UEFI program that says that it has been booted, and switches the machine off. Compiled by
 * real_firmware_boots.sh with the compiler and linker that built everything else. */
typedef unsigned long long uint64;
typedef unsigned short char16;

/* UEFI 2.10 §2.3: on a PC not the calling convention of the system that we compile on. */
#ifdef __x86_64__
#define EFIAPI __attribute__((ms_abi))
#else
#define EFIAPI
#endif

/* UEFI 2.10 §12.4.1, §8.1 and §4.3: what is used of them. */
struct text_output {
    void* reset;
    uint64(EFIAPI* output_string)(struct text_output*, const char16*);
};
struct runtime_services {
    char header[24];
    void* ten_others[10];
    void(EFIAPI* reset_system)(int type, uint64 status, uint64 size, void* data);
};
struct system_table {
    char header[24];
    void* firmware_vendor;
    uint64 firmware_revision;
    void* console_in_handle;
    void* console_in;
    void* console_out_handle;
    struct text_output* console_out;
    void* standard_error_handle;
    void* standard_error;
    struct runtime_services* runtime;
};

static const char16 text[] = u"\r\nBOOTVIEW EFI PAYLOAD\r\n";

EFIAPI uint64 efi_main(void* image, struct system_table* table) {
    (void)image;
    table->console_out->output_string(table->console_out, text);
    table->runtime->reset_system(2 /* shutdown */, 0, 0, 0);
    return 0;
}
